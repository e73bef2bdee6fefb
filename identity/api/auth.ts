import { type Static, Type } from 'typebox';
import { BadRequest, NotFound, Unauthorized } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import { catalogFor } from '../catalog/catalog.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { listProjects } from '../projects/store.ts';
import { type AuthenticationRequest, checkToken, issueToken, type ScopeRequest } from '../tokens/operations.ts';
import { revoke } from '../tokens/revocations.ts';
import { projectView } from './projects.ts';
import { tokenView } from './token-view.ts';

const id = Type.String({ minLength: 1, maxLength: 64 });
const name = Type.String({ minLength: 1, maxLength: 255 });
const named = Type.Object({ id: Type.Optional(id), name: Type.Optional(name) });
const namedInDomain = Type.Object({ id: Type.Optional(id), name: Type.Optional(name), domain: Type.Optional(named) });

const Authenticate = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String(), { minItems: 1, maxItems: 8 }),
      password: Type.Optional(
        Type.Object({
          user: Type.Object({
            id: Type.Optional(id),
            name: Type.Optional(name),
            domain: Type.Optional(named),
            password: Type.String({ maxLength: 4096 }),
          }),
        }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String({ maxLength: 8192 }) })),
    }),
    scope: Type.Optional(
      Type.Union([
        Type.Literal('unscoped'),
        Type.Object({ project: namedInDomain }),
        Type.Object({ domain: named }),
        Type.Object({ system: Type.Object({ all: Type.Literal(true) }) }),
        Type.Object({ unscoped: Type.Object({}) }),
      ]),
    ),
  }),
});

export const authPolicy = definePolicy({
  'identity:validate_token': authenticated('Show what a token says; whoever holds it may'),
  'identity:check_token': authenticated('Check a token'),
  'identity:revoke_token': authenticated('End a token before its time'),
  'identity:get_auth_catalog': authenticated('Show the catalog of the own token'),
  'identity:get_auth_projects': authenticated('List the projects one can have a token for'),
});

const supported = new Set(['password', 'token']);

/** JSON to what is asked. Throws `BadRequest` for a method named but not given, `Unauthorized` for one we do not know. */
function unpack({ auth }: Static<typeof Authenticate>): AuthenticationRequest {
  const { methods, password, token } = auth.identity;
  for (const method of methods) {
    if (!supported.has(method))
      throw new Unauthorized(`Attempted to authenticate with an unsupported method: ${method}.`);
    if ((method === 'password' ? password : token) === undefined)
      throw new BadRequest(`Expecting to find ${method} in identity.`);
  }
  return {
    ...(methods.includes('password') &&
      password && { password: { user: password.user, password: password.user.password } }),
    ...(methods.includes('token') && token && { token: token.id }),
    scope: scopeOf(auth.scope),
  };
}

function scopeOf(scope: Static<typeof Authenticate>['auth']['scope']): ScopeRequest {
  if (scope === undefined) return 'default';
  if (scope === 'unscoped' || 'unscoped' in scope) return 'unscoped';
  if ('system' in scope) return 'system';
  if ('domain' in scope) {
    if (scope.domain.id === undefined && scope.domain.name === undefined)
      throw new BadRequest('Expecting to find id or name in domain.');
    return scope;
  }
  const { project } = scope;
  if (project.id === undefined && project.name === undefined)
    throw new BadRequest('Expecting to find id or name in project.');
  if (project.id === undefined && project.domain === undefined)
    throw new BadRequest('Expecting to find domain in project.');
  return scope;
}

const subjectToken = (headers: Record<string, unknown>): string => {
  const header = headers['x-subject-token'];
  if (typeof header !== 'string' || header === '')
    throw new BadRequest('Expecting to find X-Subject-Token in the headers.');
  return header;
};

export const authRoutes = (deps: IdentityDeps) => {
  const catalog = catalogFor(deps);
  /** Keystone answers 404 for a subject that is no token: 401 would say that the caller's own is not one. */
  const subject = async (headers: Record<string, unknown>, query: Record<string, unknown>) => {
    const text = subjectToken(headers);
    const token = await checkToken(deps, text, { allowExpired: query.allow_expired === '1' }).catch((error: Error) => {
      throw error instanceof Unauthorized ? new NotFound('token', '(not shown)', { cause: error }) : error;
    });
    return { text, token };
  };
  return [
    route({
      method: 'POST',
      path: '/v3/auth/tokens',
      rule: { anonymous: 'this is how one gets a token' },
      summary: 'Authenticate',
      body: Authenticate,
      status: 201,
      async handler({ body, query }, h) {
        const { text, token } = await issueToken(deps, unpack(body));
        const view = await tokenView(deps.db, token, 'nocatalog' in query ? undefined : catalog);
        return h.response({ token: view }).code(201).header('x-subject-token', text).header('vary', 'X-Auth-Token');
      },
    }),
    route({
      method: 'GET',
      path: '/v3/auth/tokens',
      rule: authPolicy['identity:validate_token'],
      summary: 'Validate and show a token (HEAD: check it)',
      status: 200,
      async handler({ query, request }, h) {
        const { text, token } = await subject(request.headers, query);
        const view = await tokenView(deps.db, token, 'nocatalog' in query ? undefined : catalog);
        return h.response({ token: view }).header('x-subject-token', text);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/auth/tokens',
      rule: authPolicy['identity:revoke_token'],
      summary: 'Revoke a token and all that it was exchanged for',
      status: 204,
      async handler({ request, query }, h) {
        const { token } = await subject(request.headers, query);
        await revoke(deps.db, `audit:${token.auditIds[0]}`, deps.tokenSeconds);
        await deps.revocations.refresh();
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/auth/catalog',
      rule: authPolicy['identity:get_auth_catalog'],
      summary: 'Show the catalog',
      status: 200,
      handler: () => ({ catalog, links: { self: `${identityUrl(deps)}/auth/catalog` } }),
    }),
    route({
      method: 'GET',
      path: '/v3/auth/projects',
      rule: authPolicy['identity:get_auth_projects'],
      summary: 'List the projects that the caller can scope to',
      status: 200,
      async handler({ ctx }) {
        const projects = await listProjects(deps.db, { forUserId: ctx.userId, enabled: true });
        return {
          projects: projects.map((project) => projectView(deps, project)),
          links: { self: `${identityUrl(deps)}/auth/projects`, previous: null, next: null },
        };
      },
    }),
  ];
};
