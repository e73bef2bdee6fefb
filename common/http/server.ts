import { randomUUID } from 'node:crypto';
import Hapi, { type Request, type ResponseObject, type ResponseToolkit, type Server } from '@hapi/hapi';
import type { Authenticate, Context } from '../context.ts';
import { Forbidden, NotFound, TooManyRequests, Unauthorized } from '../errors.ts';
import type { AnswersDeps } from '../idempotency/answers.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Enforcer } from '../policy/enforcer.ts';
import { accessRuleMatches } from './access-rule.ts';
import { type CarryingOut, carryOut } from './carry-out.ts';
import { type Dialect, imageDialect } from './dialect.ts';
import { failureOf, UnsupportedMediaType } from './failure.ts';
import { negotiate, type Version, versionHeaders } from './microversion.ts';
import { type Mounted, mountWhenAsked } from './mount.ts';
import { createServer as createListener } from './node-http.ts';
import type { Route } from './route.ts';
import type { Service } from './service.ts';
import { socketsFor } from './sockets.ts';
import { validator } from './validate.ts';

export interface ServerDeps {
  services: Service[];
  answers: AnswersDeps;
  authenticate: Authenticate;
  enforcer: Enforcer;
  log: Logger;
  metrics: Metrics;
  /** For `WWW-Authenticate`; where clients find identity. */
  publicUrl: string;
  host: string;
  port: number;
}

const jsonLimitBytes = 1024 * 1024;

/** Of a request's line and headers together: two tokens of identity/tokens/length.ts, and what else clients send. */
const headerBytes = 32 * 1024;

/** What is known of a request before its handler runs. Kept beside the request, so that nothing can be smuggled into it. */
interface Prepared {
  requestId: string;
  startedAt: number;
  service?: Service;
  route?: Route;
  ctx?: Context;
  version: Version;
}

/** A function, as hapi copies whatever else it is given, with all that hangs on it, several times. */
interface Plugins {
  cirrostack?: () => Route;
}

/** Of a route that is not hapi's own. */
export function routeOf(settings: Hapi.RouteSettings): Route | undefined {
  return (settings.plugins as Plugins | undefined)?.cirrostack?.();
}

/** Builds the HTTP server of all services; it listens to nothing until `start`. */
export function createServer(deps: ServerDeps): Server {
  const { services, log, metrics, host, port } = deps;
  const prepared = new WeakMap<Request, Prepared>();
  const of = (request: Request): Prepared => prepared.get(request) as Prepared;
  const server = Hapi.server({
    host,
    port,
    listener: createListener({
      maxHeaderSize: headerBytes,
      shouldUpgradeCallback: (request) => socketsFor(services, request) !== undefined,
    }),
    router: { stripTrailingSlash: true },
    routes: { payload: { maxBytes: jsonLimitBytes }, response: { emptyStatusCode: 204, ranges: false } },
    debug: false,
    compression: false,
  });
  // Uploads last hours, where Node would end any request after five minutes. JSON bodies have hapi's own ten seconds.
  server.listener.requestTimeout = 0;
  server.listener.on('upgrade', (request, connection, head) =>
    socketsFor(services, request)?.open(request, connection, head),
  );
  const mount = mountWhenAsked(
    server,
    services.flatMap((service) => service.routes.map((route) => mounted(service, route, of, deps))),
  );

  server.ext('onRequest', (request, h) => {
    prepared.set(request, { requestId: `req-${randomUUID()}`, startedAt: performance.now(), version: [0, 0] });
    const service = services.find((s) => isBelow(request.path, s.prefix));
    if (service) of(request).service = service;
    if (service?.refusesEmptyIds) refuseEmptyId(request, service);
    const path = canonicalPath(request.path, service);
    if (path !== request.path) request.setUrl(path + request.url.search);
    mount(request.path);
    return h.continue;
  });

  // Before the body is read: nobody makes us parse anything without a token and the right to do what the route does.
  server.ext('onPreAuth', async (request, h) => {
    const mine = of(request);
    mine.route = routeOf(request.route.settings);
    const { service, route } = mine;
    if (!service || !route) return h.continue;
    const anonymous = 'anonymous' in route.rule;
    if (!anonymous) mine.ctx = await deps.authenticate(tokenOf(request), mine.requestId);
    if (route.bodyTypes) checkMediaType(String(request.headers['content-type'] ?? ''), route.bodyTypes);
    if (service.microversions) mine.version = negotiate(request.headers, service.microversions);
    if (mine.ctx && !('anonymous' in route.rule)) {
      checkAccessRules(mine.ctx, service, request);
      const params = request.params as Record<string, string>;
      deps.enforcer.authorize(mine.ctx, route.rule, await route.target?.(params, mine.ctx, request.query));
    }
    return h.continue;
  });

  server.ext('onPreResponse', (request, h) => {
    const mine = of(request);
    const { response } = request;
    const answer = response instanceof Error ? failed(server, request, response, mine, deps, h) : response;
    decorate(answer, mine);
    return answer;
  });

  server.events.on('response', (request) => {
    const mine = prepared.get(request);
    const status = 'statusCode' in request.response ? request.response.statusCode : 499;
    if (!mine) return;
    const ms = performance.now() - mine.startedAt;
    const labels = { service: mine.service?.name ?? 'none', method: request.method, status: String(status) };
    metrics.requests.observe({ ...labels, route: mine.route?.path ?? 'none' }, ms / 1000);
    log.info(
      {
        requestId: mine.requestId,
        method: request.method,
        // What is a secret in a path stays out of the log: its name stands there.
        path: mine.route?.isPathSecret ? `${mine.service?.prefix}${mine.route.path}` : request.path,
        status,
        ms: Math.round(ms * 10) / 10,
        project: mine.ctx?.projectId ?? undefined,
        user: mine.ctx?.userId,
      },
      'request',
    );
  });
  return server;
}

function mounted(service: Service, route: Route, of: (request: Request) => Prepared, deps: ServerDeps): Mounted {
  const path = `${service.prefix}${route.path}`.replace(/(.)\/$/, '$1') || '/';
  const { enforcer, answers } = deps;
  const carrying = { answers, overQuotaStatus: service.overQuotaStatus };
  return { path, route: () => hapiRoute(path, route, of, enforcer, carrying) };
}

function hapiRoute(
  path: string,
  route: Route,
  of: (request: Request) => Prepared,
  enforcer: Enforcer,
  carrying: CarryingOut,
): Hapi.ServerRoute {
  const body = route.body && validator(route.body, 'body');
  const query = route.query && validator(route.query, 'query');
  const hasBody = route.method !== 'GET' && route.method !== 'HEAD';
  const payload = route.rawBody
    ? { output: 'stream' as const, parse: false, maxBytes: Number.MAX_SAFE_INTEGER, timeout: false as const }
    : {
        maxBytes: jsonLimitBytes,
        // Where no body is asked for, none is read: python-glanceclient calls the nothing that it sends with a DELETE bytes.
        ...(route.body === undefined && { parse: false }),
        ...(route.body !== undefined &&
          (route.bodyTypes ? { override: 'application/json' } : { allow: ['application/json'] })),
      };
  return {
    method: route.method === 'HEAD' ? 'GET' : route.method,
    path,
    options: { plugins: { cirrostack: () => route } as object, ...(hasBody && { payload }) },
    handler: async (request, h) => {
      const { ctx = null, requestId, version } = of(request);
      const params = request.params as Record<string, string>;
      const checked = body?.(request.payload);
      if (ctx && route.bodyTarget && !('anonymous' in route.rule))
        enforcer.authorize(ctx, route.rule, await route.bodyTarget(checked as never, ctx, params));
      return carryOut(
        carrying,
        route,
        {
          ctx,
          requestId,
          version,
          request,
          params,
          body: checked,
          query: (query ? query(request.query) : request.query) as never,
        } as Parameters<Route['handler']>[0],
        h,
      );
    },
  };
}

/** `/v2/images/`: nothing is the id of nothing, and what is meant is not the list. By now hapi has taken the slash away. */
function refuseEmptyId({ raw }: Request, { prefix }: Service): void {
  const [path = ''] = (raw.req.url ?? '').split('?');
  if (/^\/[^/]+\/.*\/$/.test(path.slice(prefix.length))) throw new NotFound('The path', path);
}

/** Doubled slashes are one, and a project's id after the version (`/v2.1/{project_id}/servers`) names nothing. */
function canonicalPath(path: string, service: Service | undefined): string {
  const single = path.replace(/\/{2,}/g, '/');
  if (!service?.projectInPathAfter) return single;
  const base = service.prefix + service.projectInPathAfter;
  if (!single.startsWith(`${base}/`)) return single;
  return (
    base +
    single.slice(base.length).replace(/^\/(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/, '')
  );
}

/** Whoever acts through an application credential with access rules does what one of those names, and nothing else. */
function checkAccessRules({ delegation }: Context, { type, prefix }: Service, request: Request): void {
  if (delegation?.type !== 'application_credential' || delegation.accessRules === null) return;
  const asked = { service: type, method: request.method.toUpperCase(), path: request.path.slice(prefix.length) };
  if (delegation.accessRules.some((rule) => accessRuleMatches(rule, asked))) return;
  throw new Forbidden(
    `The application credential has no access rule for ${asked.method} ${asked.path} of ${type ?? 'this service'}.`,
  );
}

function isBelow(path: string, prefix: string): boolean {
  const single = path.replace(/^\/{2,}/, '/');
  return single === prefix || single.startsWith(`${prefix}/`);
}

function checkMediaType(header: string, allowed: string[]): void {
  const type = header.split(';')[0]?.trim().toLowerCase() ?? '';
  if (!allowed.includes(type))
    throw new UnsupportedMediaType(`Unsupported Content-Type ${type}; use ${allowed.join(' or ')}.`);
}

function tokenOf(request: Request): string {
  const token = request.headers['x-auth-token'];
  if (typeof token !== 'string' || token === '')
    throw new Unauthorized('The request you have made requires authentication.');
  return token;
}

function failed(
  server: Server,
  request: Request,
  error: Error,
  { requestId, service }: Prepared,
  { log, publicUrl }: ServerDeps,
  h: ResponseToolkit,
): ResponseObject {
  let failure = failureOf(error, { requestId, overQuotaStatus: service?.overQuotaStatus ?? 403 });
  if (failure.status === 404 && !(error instanceof NotFound)) failure = wrongPath(server, request, failure);
  if (failure.status >= 500) log.error({ err: error, requestId, path: request.path }, 'request failed');
  const dialect: Dialect = service?.dialect ?? imageDialect;
  const answer = h.response(dialect(failure) as object).code(failure.status);
  const { headers = {} } = (error as { output?: { headers?: Record<string, string> } }).output ?? {};
  if (headers.allow) answer.header('allow', headers.allow);
  if (failure.status === 401) answer.header('www-authenticate', `Keystone uri="${publicUrl}/identity"`);
  if (failure.status === 503) answer.header('retry-after', '2');
  if (error instanceof TooManyRequests) answer.header('retry-after', String(error.retryAfterSeconds));
  return answer;
}

/** An unknown path is 404; a known one that this method has no meaning on is 405. */
function wrongPath<F extends { status: number; message: string }>(server: Server, request: Request, failure: F): F {
  const others = (['get', 'post', 'put', 'patch', 'delete'] as const).filter((method) => method !== request.method);
  const known = others.some((method) => {
    const found = server.match(method, request.path);
    return found && found.path !== '/{p*}';
  });
  return known
    ? { ...failure, status: 405, message: 'The method specified is not allowed for this resource.' }
    : { ...failure, message: 'The resource could not be found.' };
}

function decorate(answer: ResponseObject, { requestId, service, route, ctx, version }: Prepared): void {
  answer.header('x-openstack-request-id', requestId);
  if (service?.requestIdHeader) answer.header(service.requestIdHeader, requestId);
  if (ctx || (route && !('anonymous' in route.rule))) answer.header('vary', 'X-Auth-Token', { append: true });
  if (service?.microversions && version[0] > 0)
    for (const [name, value] of Object.entries(versionHeaders(version, service.microversions)))
      answer.header(name, value, { append: name === 'vary' });
}
