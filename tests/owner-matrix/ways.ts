import type { Route } from '../../common/http/route.ts';
import type { Service } from '../../common/http/service.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import { type Call, type Calls, keyOf, type MakeCall } from './call.ts';
import type { Caller, Callers } from './callers.ts';
import type { Things } from './things.ts';
import { verdictOn } from './verdict.ts';

/** One way of calling one route. */
export interface Way {
  service: Service;
  route: Route;
  make: MakeCall;
  /** Whose things it names when all is well. */
  owner: Caller;
}

/** Routes without calls, and calls without routes, each with what to do about it. */
export function uncovered({ name, routes }: Service, calls: Calls | undefined): string[] {
  const file = `tests/owner-matrix/calls/${name}.ts`;
  if (calls === undefined) return [`Service ${name}: make ${file} and name it in tests/owner-matrix/calls.ts.`];
  const keys = routes.map(keyOf);
  const missing = keys
    .filter((key) => !Object.hasOwn(calls, key))
    .map(
      (key) => `${name} ${key}: give ${file} a call of it, and tests/owner-matrix/things/ what it names that is new.`,
    );
  const uncalled = routes
    .filter((route) => !('anonymous' in route.rule) && 'notCalled' in (calls[keyOf(route)] ?? {}))
    .map((route) => `${name} ${keyOf(route)}: only anonymous routes may go uncalled; give ${file} a call of it.`);
  const stale = Object.keys(calls)
    .filter((key) => !keys.includes(key))
    .map((key) => `${name} ${key}: there is no such route any more; take it out of ${file}.`);
  return [...missing, ...uncalled, ...stale];
}

export async function waysOf(
  service: Service,
  calls: Calls,
  owners: Things,
  callers: Callers,
  enforcer: Enforcer,
): Promise<Way[]> {
  const ways: Way[] = [];
  for (const route of service.routes) {
    const entry = calls[keyOf(route)] ?? [];
    const makes = typeof entry === 'function' ? [entry] : Array.isArray(entry) ? entry : [];
    for (const make of makes)
      ways.push({ service, route, make, owner: await ownerOf(route, make(owners), callers, enforcer) });
  }
  return ways;
}

/** Who can do it with success: the project's member if the rule lets them, else the administrator. */
async function ownerOf(
  route: Route,
  call: Call,
  { member, admin, none }: Callers,
  enforcer: Enforcer,
): Promise<Caller> {
  if ('anonymous' in route.rule) return none;
  if (call.by === 'admin') return admin;
  return (await verdictOn(enforcer, route, member, call)) === 'may ask' ? member : admin;
}

/** What is read goes first, and what is in a thing goes before the thing. */
export function leastDestructiveFirst(ways: Way[]): Way[] {
  const depth = ({ route }: Way) => route.path.split('/').length;
  return [
    ...ways.filter(({ route }) => route.method === 'GET'),
    ...ways.filter(({ route }) => route.method !== 'GET' && route.method !== 'DELETE'),
    ...ways.filter(({ route }) => route.method === 'DELETE').toSorted((a, b) => depth(b) - depth(a)),
  ];
}
