import type { Route } from '../../common/http/route.ts';
import type { Asked } from '../cloud.ts';
import type { Thing, Things } from './things.ts';

/** One valid request to a route. Every id in it comes from the things it is made of, so that others' can be put in their place. */
export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as it is, instead of `body`. */
  payload?: Buffer;
  /** When it is not the route's declared one: for one of several actions behind one route. */
  status?: number;
  /** Who succeeds with it, when the route's rule lets others ask and something behind it refuses them. */
  by?: 'admin';
  /** About its own user alone, not their project's, and only behind the route can that be seen. */
  isPersonal?: true;
  /** Things of somebody else that it may name all the same, and why; the answer may not depend on whether they exist. */
  mayName?: Partial<Record<Thing, string>>;
  /** Changes nothing, whatever its method: readers may do it. */
  reads?: true;
}

export type MakeCall = (it: Things) => Call;

/** By `PUT /v2.0/ports/{id}`; several calls where one does not show every id that the route takes. */
export type Calls = Record<string, MakeCall | MakeCall[] | NotCalled>;

/** Only for what is the same for everybody, with or without a token. */
export interface NotCalled {
  notCalled: string;
}

export const keyOf = ({ method, path }: Route): string => `${method} ${path}`;

/** The request of a call, as it goes over the wire. */
export function requestOf(prefix: string, route: Route, call: Call): Asked {
  const path = route.path.replace(/\{([^}*]+)\*?\}/g, (_, name: string) => {
    const value = call.params?.[name];
    if (value === undefined) throw new Error(`${keyOf(route)}: the call gives no ${name}`);
    return encodeURIComponent(value);
  });
  const query = call.query ? `?${new URLSearchParams(call.query)}` : '';
  const { body, headers = {}, payload } = call;
  return { method: route.method, path: `${prefix}${path}${query}`, body, headers, ...(payload && { payload }) };
}

/** The call, and which things it was made of. */
export function tracked(make: MakeCall, things: Things): { call: Call; used: Thing[] } {
  const used = new Set<Thing>();
  const call = make(
    new Proxy(things, {
      get(target, name) {
        used.add(name as Thing);
        return target[name as Thing];
      },
    }),
  );
  return { call, used: [...used] };
}
