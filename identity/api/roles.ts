import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { extraOf } from '../extra.ts';
import { changeRole, createRole, deleteRole } from '../roles/operations.ts';
import type { Role } from '../roles/role.ts';
import { findRole, getRole, pageOfRoles } from '../roles/store.ts';
import { checkSameId, description, reference, resourceName, resourceOptions } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const domain_id = Type.Optional(Type.Union([reference, Type.Null()]));

const attributes = { description, domain_id, options: resourceOptions };

const CreateRole = Type.Object({ role: Type.Object({ name: resourceName(255), ...attributes }) });

const UpdateRole = Type.Object({
  role: Type.Object({ name: Type.Optional(resourceName(255)), ...attributes }, { minProperties: 1 }),
});

const known = ['id', 'links', 'name', ...Object.keys(attributes)];

/** Domain managers give some of everybody's roles, so they may see them (keystone's domain manager persona). */
const domainManagersToo = (condition: string, description: string) =>
  ({
    check: `rule:admin_required or (role:reader and system_scope:all) or (role:manager and ${condition})`,
    scopes: anyScope,
    description,
  }) as const;

export const rolePolicy = definePolicy({
  'identity:get_role': domainManagersToo('rule:domain_managed_target_role', 'Show a role'),
  'identity:list_roles': domainManagersToo('not domain_id:None', 'List everybody’s roles'),
  'identity:create_role': administrators('Create a role'),
  'identity:update_role': administrators('Update a role'),
  'identity:delete_role': administrators('Delete a role'),
  'identity:get_domain_role': cloudReaders('Show a domain’s own role'),
  'identity:list_domain_roles': cloudReaders('List a domain’s own roles'),
  'identity:create_domain_role': administrators('Create a role of a domain’s own'),
  'identity:update_domain_role': administrators('Update a domain’s own role'),
  'identity:delete_domain_role': administrators('Delete a domain’s own role'),
});

export function roleView(deps: Pick<IdentityDeps, 'publicUrl'>, role: Role) {
  return {
    ...role.extra,
    id: role.id,
    name: role.name,
    description: role.description,
    domain_id: role.domainId,
    options: role.options,
    links: { self: `${identityUrl(deps)}/roles/${role.id}` },
  };
}

export const roleRoutes = (deps: IdentityDeps) => {
  const target = async ({ role_id = '' }: Record<string, string>) => {
    const role = await findRole(deps.db, role_id);
    return role ? { 'target.role.id': role.id, ...targetRole(role) } : {};
  };
  return [
    route({
      method: 'GET',
      path: '/v3/roles',
      rule: rolePolicy['identity:list_roles'],
      summary: 'List roles: everybody’s, or those of one domain',
      target: (_, { domainId }) => ({ 'target.domain_id': domainId }),
      status: 200,
      async handler({ ctx, query, request }) {
        const domainId = one(query.domain_id) || null;
        if (domainId !== null)
          deps.enforcer.authorize(ctx, rolePolicy['identity:list_domain_roles'], { 'target.domain_id': domainId });
        const texts = textFilters(query, { name: 'name' });
        const { roles, more } = await pageOfRoles(deps.db, { domainId, texts }, identityPage(query));
        const views = roles.map((role) => roleView(deps, role));
        return listView(deps, 'roles', views, { url: request.url, more });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/roles',
      rule: rolePolicy['identity:create_role'],
      summary: 'Create a role, of everybody’s or of one domain',
      body: CreateRole,
      status: 201,
      async handler({ ctx, body }, h) {
        const { name, description = null, domain_id: domainId = null, options = {} } = body.role;
        if (domainId !== null)
          deps.enforcer.authorize(ctx, rolePolicy['identity:create_domain_role'], targetRole({ name, domainId }));
        const asked = { name, description, domainId, options, extra: extraOf(body.role, known) };
        return h.response({ role: roleView(deps, await createRole(deps, asked)) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/roles/{role_id}',
      rule: rolePolicy['identity:get_role'],
      summary: 'Show a role',
      target,
      status: 200,
      async handler({ ctx, params }) {
        const role = await getRole(deps.db, params.role_id ?? '');
        if (role.domainId !== null)
          deps.enforcer.authorize(ctx, rolePolicy['identity:get_domain_role'], targetRole(role));
        return { role: roleView(deps, role) };
      },
    }),
    route({
      method: 'PATCH',
      path: '/v3/roles/{role_id}',
      rule: rolePolicy['identity:update_role'],
      summary: 'Update a role',
      target,
      body: UpdateRole,
      status: 200,
      async handler({ ctx, params, body }) {
        const before = await getRole(deps.db, params.role_id ?? '');
        if (before.domainId !== null)
          deps.enforcer.authorize(ctx, rolePolicy['identity:update_domain_role'], targetRole(before));
        const { name, description, domain_id, options } = body.role;
        if (domain_id !== undefined && domain_id !== before.domainId)
          throw new BadRequest('Update of domain_id is not allowed.');
        checkSameId(body.role, before.id);
        const changes = { name, description, options, extra: extraOf(body.role, known) };
        return { role: roleView(deps, await changeRole(deps, before.id, changes)) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/roles/{role_id}',
      rule: rolePolicy['identity:delete_role'],
      summary: 'Delete a role, with its assignments',
      target,
      status: 204,
      async handler({ ctx, params }, h) {
        const role = await getRole(deps.db, params.role_id ?? '');
        if (role.domainId !== null)
          deps.enforcer.authorize(ctx, rolePolicy['identity:delete_domain_role'], targetRole(role));
        await deleteRole(deps, role.id);
        return noContent(h);
      },
    }),
  ];
};

const targetRole = ({ name, domainId }: Pick<Role, 'name' | 'domainId'>) => ({
  'target.role.name': name,
  'target.role.domain_id': domainId,
});
