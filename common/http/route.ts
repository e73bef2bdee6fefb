import type { Lifecycle, Request, ResponseObject, ResponseToolkit } from '@hapi/hapi';
import type { Static, TSchema } from 'typebox';
import type { Context, ProjectContext } from '../context.ts';
import type { Target } from '../policy/check-string.ts';
import type { Anonymous, Rule, Scope } from '../policy/rules.ts';
import type { Version } from './microversion.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'COPY';

/** What a rule leaves a handler to rely on: nothing, somebody, or somebody in a project. */
type ContextUnder<R> =
  R extends Rule<infer S> ? (Scope extends S ? Context : [S] extends ['project'] ? ProjectContext : Context) : null;

type Validated<T extends TSchema | undefined, Otherwise> = T extends TSchema ? Static<T> : Otherwise;

export interface Incoming<R, B extends TSchema | undefined, Q extends TSchema | undefined> {
  ctx: ContextUnder<R>;
  requestId: string;
  body: Validated<B, undefined>;
  /** Query values as they came, or as the schema shapes them. A value given twice is an array. */
  query: Validated<Q, Record<string, string | string[]>>;
  params: Record<string, string>;
  /** The negotiated microversion; [0, 0] where the service has none. */
  version: Version;
  request: Request;
}

export interface RouteSpec<R extends Rule | Anonymous, B extends TSchema | undefined, Q extends TSchema | undefined> {
  method: Method;
  /** Below the service's prefix: `/v3/projects/{project_id}`. `{name*}` takes the rest of the path. */
  path: string;
  rule: R;
  /** One line for the OpenAPI document. */
  summary: string;
  /**
   * What the rule is about when it is not the caller's own project. It may look things up; what is not there leaves its
   * attributes out, so that whoever may see everything is told that it is not there, and others are refused as for any other.
   * For what only the body names it gives the caller's own, so that who may never do it is refused before the body is read.
   */
  target?: (params: Record<string, string>, ctx: Context, query: Record<string, unknown>) => Target | Promise<Target>;
  /** What the rule is about as the body has it; the rule is asked again with this. */
  bodyTarget?: (
    body: B extends TSchema ? Static<B> : never,
    ctx: Context,
    params: Record<string, string>,
  ) => Target | Promise<Target>;
  body?: B;
  /** Media types of the body, all of them JSON; `application/json` when absent. */
  bodyTypes?: string[];
  /** The body is bytes and is read by the handler from `request.payload`, a stream without a size limit of ours. */
  rawBody?: boolean;
  query?: Q;
  /** The path holds a secret, so the log tells only which route it was. */
  isPathSecret?: boolean;
  /** Why a POST takes no `Idempotency-Key`. Any other takes one, and must not wait for what others do with the rows that it makes. */
  withoutKey?: string;
  /**
   * For a route that can be asked what it would do: calls `run`, which is the handler and gives the content of its answer, and
   * tells what came of it; all of that in a transaction that is taken back. Throws what cannot be tried.
   */
  dryRun?: (incoming: Incoming<R, B, Q>, run: () => Promise<unknown>) => Promise<object>;
  /** The status of success, for the document. */
  status: number;
  response?: TSchema;
  handler: (incoming: Incoming<R, B, Q>, h: ResponseToolkit) => Promise<Lifecycle.ReturnValue> | Lifecycle.ReturnValue;
}

/** A route whose types have done their work. */
export type Route = RouteSpec<Rule | Anonymous, TSchema | undefined, TSchema | undefined>;

/** Ties a route's schemas and rule to what its handler receives. A route without a rule does not type-check. */
export function route<
  R extends Rule | Anonymous,
  B extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
>(spec: RouteSpec<R, B, Q>): Route {
  return spec as unknown as Route; // what it needs at run time is checked by common/http/server.ts before the handler runs
}

/** The success of a request that has nothing to say. */
export function noContent(h: ResponseToolkit): ResponseObject {
  return h.response().code(204);
}

/** Whether requests can be repeated with an `Idempotency-Key`. */
export function takesKey({ method, rule, rawBody, withoutKey }: Route): boolean {
  return method === 'POST' && !('anonymous' in rule) && !rawBody && withoutKey === undefined;
}
