import { type Static, Type } from 'typebox';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { admin, anyScope, definePolicy } from '../../common/policy/rules.ts';
import { Secret } from '../../common/secret.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { defaultDomainId } from '../domains/store.ts';
import { listProjects } from '../projects/store.ts';
import { type AskedUser, changeUser, createUser, deleteUser } from '../users/operations.ts';
import { changeOwnPassword } from '../users/password-change.ts';
import { getUser, listUsers } from '../users/store.ts';
import type { User } from '../users/user.ts';
import { collection } from './collection.ts';
import { description, enabled, reference, resourceName } from './fields.ts';
import { projectView } from './projects.ts';

const password = Type.String({ minLength: 1, maxLength: 4096 });

const optional = {
  default_project_id: Type.Optional(Type.Union([reference, Type.Null()])),
  description,
  email: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  enabled,
  password: Type.Optional(Type.Union([password, Type.Null()])),
  options: Type.Optional(Type.Object({}, { additionalProperties: false })),
};

const CreateUser = Type.Object({
  user: Type.Object({ name: resourceName(255), domain_id: Type.Optional(reference), ...optional }),
});

const UpdateUser = Type.Object({
  user: Type.Object({ name: Type.Optional(resourceName(255)), ...optional }, { minProperties: 1 }),
});

const ChangePassword = Type.Object({ user: Type.Object({ original_password: password, password }) });

const self = 'is_admin:True or user_id:%(target.user.id)s';

export const userPolicy = definePolicy({
  'identity:get_user': { check: self, scopes: anyScope, description: 'Show a user; everybody may show themselves' },
  'identity:list_users': admin('List users'),
  'identity:create_user': admin('Create a user'),
  'identity:update_user': admin('Update a user'),
  'identity:delete_user': admin('Delete a user'),
  'identity:list_user_projects': {
    check: self,
    scopes: anyScope,
    description: 'List the projects a user has roles on',
  },
});

export function userView(deps: IdentityDeps, user: User) {
  return {
    id: user.id,
    name: user.name,
    domain_id: user.domainId,
    enabled: user.enabled,
    default_project_id: user.defaultProjectId,
    description: user.description,
    email: user.email,
    password_expires_at: null,
    options: {},
    links: { self: `${identityUrl(deps)}/users/${user.id}` },
  };
}

function unpack(user: Static<typeof UpdateUser>['user']): AskedUser {
  return {
    name: user.name,
    description: user.description,
    email: user.email,
    defaultProjectId: user.default_project_id,
    enabled: user.enabled,
    password: typeof user.password === 'string' ? new Secret(user.password) : user.password,
  };
}

const target = ({ user_id }: Record<string, string>) => ({ 'target.user.id': user_id });

export const userRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/users',
    rule: userPolicy['identity:list_users'],
    summary: 'List users',
    status: 200,
    async handler({ query, request }) {
      const users = await listUsers(deps.db, {
        name: one(query.name),
        domainId: one(query.domain_id),
        enabled: flag(query.enabled, 'enabled'),
      });
      return collection(
        deps,
        'users',
        users.map((user) => userView(deps, user)),
        request.url,
      );
    },
  }),
  route({
    method: 'POST',
    path: '/v3/users',
    rule: userPolicy['identity:create_user'],
    summary: 'Create a user',
    body: CreateUser,
    status: 201,
    async handler({ body }, h) {
      const { name, domain_id, ...rest } = body.user;
      const user = await createUser(deps, domain_id ?? defaultDomainId, { ...unpack(rest), name });
      return h.response({ user: userView(deps, user) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/users/{user_id}',
    rule: userPolicy['identity:get_user'],
    summary: 'Show a user',
    target,
    status: 200,
    handler: async ({ params }) => ({ user: userView(deps, await getUser(deps.db, params.user_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/users/{user_id}',
    rule: userPolicy['identity:update_user'],
    summary: 'Update a user',
    body: UpdateUser,
    status: 200,
    handler: async ({ params, body }) => ({
      user: userView(deps, await changeUser(deps, params.user_id ?? '', unpack(body.user))),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/v3/users/{user_id}',
    rule: userPolicy['identity:delete_user'],
    summary: 'Delete a user',
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
    async handler({ params, request }) {
      const { id } = await getUser(deps.db, params.user_id ?? '');
      const projects = await listProjects(deps.db, { forUserId: id });
      return collection(
        deps,
        'projects',
        projects.map((project) => projectView(deps, project)),
        request.url,
      );
    },
  }),
];
