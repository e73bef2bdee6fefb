import { Type } from 'typebox';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { deleteRole } from '../roles/operations.ts';
import { getRole, insertRole, listRoles, type Role } from '../roles/store.ts';
import { collection } from './collection.ts';
import { description, resourceName } from './fields.ts';

const CreateRole = Type.Object({
  role: Type.Object({
    name: resourceName(255),
    description,
    domain_id: Type.Optional(Type.Null()),
    options: Type.Optional(Type.Object({}, { additionalProperties: false })),
  }),
});

export const rolePolicy = definePolicy({
  'identity:get_role': admin('Show a role'),
  'identity:list_roles': admin('List roles'),
  'identity:create_role': admin('Create a role'),
  'identity:delete_role': admin('Delete a role'),
});

export function roleView(deps: IdentityDeps, role: Role) {
  return {
    id: role.id,
    name: role.name,
    description: role.description,
    domain_id: null,
    options: {},
    links: { self: `${identityUrl(deps)}/roles/${role.id}` },
  };
}

export const roleRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/roles',
    rule: rolePolicy['identity:list_roles'],
    summary: 'List roles',
    status: 200,
    async handler({ query, request }) {
      const roles = await listRoles(deps.db, { name: one(query.name) });
      return collection(
        deps,
        'roles',
        roles.map((role) => roleView(deps, role)),
        request.url,
      );
    },
  }),
  route({
    method: 'POST',
    path: '/v3/roles',
    rule: rolePolicy['identity:create_role'],
    summary: 'Create a role',
    body: CreateRole,
    status: 201,
    async handler({ body }, h) {
      const role = await insertRole(deps.db, { name: body.role.name, description: body.role.description ?? null });
      return h.response({ role: roleView(deps, role) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/roles/{role_id}',
    rule: rolePolicy['identity:get_role'],
    summary: 'Show a role',
    status: 200,
    handler: async ({ params }) => ({ role: roleView(deps, await getRole(deps.db, params.role_id ?? '')) }),
  }),
  route({
    method: 'DELETE',
    path: '/v3/roles/{role_id}',
    rule: rolePolicy['identity:delete_role'],
    summary: 'Delete a role',
    status: 204,
    async handler({ params }, h) {
      await deleteRole(deps, params.role_id ?? '');
      return noContent(h);
    },
  }),
];
