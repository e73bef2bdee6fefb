import { type Static, Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { many, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { Secret } from '../../common/secret.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { defaultDomainId } from '../domains/domain.ts';
import { extraOf } from '../extra.ts';
import { type Federated, FederatedAttribute, federatedOf } from '../federation/users/attribute.ts';
import { pageOfProjects } from '../projects/store.ts';
import { refuseDelegated, refuseDelegatedToken } from '../tokens/delegated.ts';
import { type AskedUser, changeUser, createUser, deleteUser } from '../users/operations.ts';
import { UserOptions } from '../users/options.ts';
import { changeOwnPassword } from '../users/password-change.ts';
import { getUser, pageOfUsers } from '../users/store.ts';
import type { ExpiryFilter, User, UserFilter } from '../users/user.ts';
import { checkSameId, description, enabled, queryFlag, reference, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { domainManagers, domainReaders, domainReadersAndOwner } from './personas.ts';
import { projectView } from './projects.ts';
import { changedUserTarget, ownDomain, userTarget } from './targets.ts';

const password = Type.String({ minLength: 1, maxLength: 4096 });

const attributes = {
  domain_id: Type.Optional(reference),
  default_project_id: Type.Optional(Type.Union([reference, Type.Null()])),
  description,
  email: Type.Optional(Type.Union([Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' }), Type.Null()])),
  enabled,
  password: Type.Optional(Type.Union([password, Type.Null()])),
  federated: Type.Optional(FederatedAttribute),
  options: Type.Optional(UserOptions),
};

const CreateUser = Type.Object({ user: Type.Object({ name: resourceName(255), ...attributes }) });

const UpdateUser = Type.Object({
  user: Type.Object({ name: Type.Optional(resourceName(255)), ...attributes }, { minProperties: 1 }),
});

/** `original_password` is a secret wherever it stands. */
const known = ['id', 'links', 'name', 'password_expires_at', 'original_password', ...Object.keys(attributes)];

const ChangePassword = Type.Object({ user: Type.Object({ original_password: password, password }) });

const [domainOfUser, user] = ['target.user.domain_id', 'target.user.id'];

export const userPolicy = definePolicy({
  'identity:get_user': domainReadersAndOwner(domainOfUser, user, 'Show a user; everybody may show themselves'),
  'identity:list_users': domainReaders('target.domain_id', 'List users; readers of a domain see those in it'),
  'identity:create_user': domainManagers(domainOfUser, 'Create a user'),
  'identity:update_user': domainManagers(domainOfUser, 'Update a user, their password too'),
  'identity:delete_user': domainManagers(domainOfUser, 'Delete a user'),
  'identity:list_user_projects': domainReadersAndOwner(domainOfUser, user, 'List the projects a user has roles on'),
});

export function userView(deps: Pick<IdentityDeps, 'publicUrl'>, user: User, federated: Federated | undefined) {
  return {
    ...user.extra,
    id: user.id,
    name: user.name,
    domain_id: user.domainId,
    enabled: user.enabled,
    default_project_id: user.defaultProjectId,
    description: user.description,
    email: user.email,
    password_expires_at: user.passwordExpiresAt && isoMicros(user.passwordExpiresAt),
    options: user.options,
    ...(federated && { federated }),
    links: { self: `${identityUrl(deps)}/users/${user.id}` },
  };
}

/** A page of users as the API shows them, by whatever they are found. */
export async function userPageView(
  deps: Pick<IdentityDeps, 'publicUrl' | 'db'>,
  filter: UserFilter,
  { query, url, path }: { query: Record<string, unknown>; url: URL; path?: string },
) {
  const { rows, more } = await pageOfUsers(deps.db, filter, identityPage(query));
  const federated = await federatedOf(
    deps.db,
    rows.map(({ id }) => id),
  );
  const views = rows.map((user) => userView(deps, user, federated.get(user.id)));
  return listView(deps, 'users', views, { url, more, ...(path !== undefined && { path }) });
}

/** The filters that lists of users have in common; a token for a domain narrows to that. */
export function userQuery(query: Record<string, unknown>, { domainId }: { domainId: string | null }): UserFilter {
  return {
    texts: textFilters(query, { name: 'name', domain_id: 'domain_id' }),
    enabled: queryFlag(query, 'enabled'),
    passwordExpires: many(query.password_expires_at).map(expiryFilter),
    ...(domainId !== null && { domainId }),
  };
}

const operators = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '=', neq: '<>' } as const;

/** `lt:2016-11-06T15:32:17Z`; without an operator it is `eq`. Throws `BadRequest`. */
function expiryFilter(text: string): ExpiryFilter {
  const [, name = 'eq', written = ''] = text.match(/^(?:([a-z]+):)?(.*)$/s) ?? [];
  if (!Object.hasOwn(operators, name)) throw new BadRequest(`The given operator ${name} is not valid.`);
  const time = new Date(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z?$/.test(written) ? written.replace(/Z?$/, 'Z') : '',
  );
  if (Number.isNaN(time.getTime()))
    throw new BadRequest('Timestamp not in expected format. The server could not comply with the request.');
  return { operator: operators[name as keyof typeof operators], time };
}

function unpack(user: Static<typeof UpdateUser>['user']): AskedUser {
  const { name, description, email, enabled, options, federated } = user;
  const extra = extraOf(user, known);
  return {
    ...(name !== undefined && { name: name.trim() }),
    ...(description !== undefined && { description }),
    ...(email !== undefined && { email }),
    ...(enabled !== undefined && { enabled }),
    ...(options && { options }),
    // An empty list leaves it as it is, as in keystone: clients send it with whatever they change.
    ...(federated && federated.length > 0 && { federated }),
    ...(Object.keys(extra).length > 0 && { extra }),
    ...(user.default_project_id !== undefined && { defaultProjectId: user.default_project_id }),
    ...(user.password !== undefined && { password: user.password === null ? null : new Secret(user.password) }),
  };
}

/** Whoever manages a domain says who its own identity providers' users are, and no others'. Throws `BadRequest` as if those were not there. */
async function checkProviders(
  db: Knex,
  { isAdmin }: Context,
  domainId: string,
  federated: Federated | undefined,
): Promise<void> {
  if (isAdmin || !federated) return;
  const ids = federated.map((one) => one.idp_id);
  const own = new Set(await db('identity_providers').whereIn('id', ids).where({ domain_id: domainId }).pluck('id'));
  const foreign = federated.find((one) => !own.has(one.idp_id));
  if (foreign)
    throw new BadRequest(
      `There is no protocol ${foreign.protocols[0]?.protocol_id} of an identity provider ${foreign.idp_id}.`,
    );
}

export const userRoutes = (deps: IdentityDeps) => {
  const target = userTarget(deps);
  const show = async (user: User) => ({
    user: userView(deps, user, (await federatedOf(deps.db, [user.id])).get(user.id)),
  });

  return [
    route({
      method: 'GET',
      path: '/v3/users',
      rule: userPolicy['identity:list_users'],
      summary: 'List users',
      target: ownDomain('target.domain_id'),
      status: 200,
      async handler({ ctx, query, request }) {
        const federated = {
          identityProviderId: one(query.idp_id),
          protocolId: one(query.protocol_id),
          uniqueId: one(query.unique_id),
        };
        return userPageView(deps, { ...userQuery(query, ctx), federated }, { query, url: request.url });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/users',
      rule: userPolicy['identity:create_user'],
      summary: 'Create a user',
      target: ownDomain(domainOfUser),
      bodyTarget: ({ user }, ctx) => ({ [domainOfUser]: user.domain_id ?? ctx.domainId ?? undefined }),
      body: CreateUser,
      status: 201,
      async handler({ ctx, body }, h) {
        const { name, domain_id } = body.user;
        const domainId = domain_id ?? ctx.domainId ?? defaultDomainId;
        await checkProviders(deps.db, ctx, domainId, body.user.federated);
        const user = await createUser(deps, domainId, { ...unpack(body.user), name: name.trim() });
        return h.response(await show(user)).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/users/{user_id}',
      rule: userPolicy['identity:get_user'],
      summary: 'Show a user',
      target,
      status: 200,
      handler: async ({ params }) => show(await getUser(deps.db, params.user_id ?? '')),
    }),
    route({
      method: 'PATCH',
      path: '/v3/users/{user_id}',
      rule: userPolicy['identity:update_user'],
      summary: 'Update a user',
      target: changedUserTarget(deps),
      body: UpdateUser,
      status: 200,
      async handler({ ctx, params, body }) {
        const { user_id: id = '' } = params;
        checkSameId(body.user, id);
        if (body.user.password !== undefined && id === ctx.userId) refuseDelegated(ctx, 'passwords');
        const { domainId } = await getUser(deps.db, id);
        if (body.user.domain_id !== undefined && body.user.domain_id !== domainId)
          throw new BadRequest('Cannot change Domain ID');
        await checkProviders(deps.db, ctx, domainId, body.user.federated);
        return show(await changeUser(deps, id, unpack(body.user)));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/users/{user_id}',
      rule: userPolicy['identity:delete_user'],
      summary: 'Delete a user',
      target: changedUserTarget(deps),
      status: 204,
      async handler({ params }, h) {
        await deleteUser(deps, params.user_id ?? '');
        return noContent(h);
      },
    }),
    route({
      method: 'POST',
      path: '/v3/users/{user_id}/password',
      rule: { anonymous: 'the old password proves who it is; an expired one leaves no way to a token' },
      summary: 'Change the own password',
      body: ChangePassword,
      status: 204,
      async handler({ params, body, request }, h) {
        const { original_password: original, password: next } = body.user;
        const address = deps.sourceOf(request);
        await refuseDelegatedToken(deps, request.headers['x-auth-token'], 'passwords');
        await changeOwnPassword(deps, params.user_id ?? '', { original, next, address });
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/users/{user_id}/projects',
      rule: userPolicy['identity:list_user_projects'],
      summary: 'List the projects of a user',
      target,
      status: 200,
      async handler({ ctx, params, query, request }) {
        const { id } = await getUser(deps.db, params.user_id ?? '');
        // Who reads a domain sees what is in it, also of its users; these see all of their own.
        const domainId = id === ctx.userId ? undefined : (ctx.domainId ?? undefined);
        const filter = {
          openTo: { userId: id },
          domainId,
          texts: textFilters(query, { name: 'name', domain_id: 'domain_id' }),
          enabled: queryFlag(query, 'enabled'),
        };
        const { rows, more } = await pageOfProjects(deps.db, filter, identityPage(query));
        const views = rows.map((project) => projectView(deps, project));
        return listView(deps, 'projects', views, { url: request.url, more, path: `users/${id}/projects` });
      },
    }),
  ];
};
