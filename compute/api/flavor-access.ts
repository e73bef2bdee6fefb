import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import { since } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { addFlavorAccess, getFlavor, listFlavorAccess, removeFlavorAccess } from '../flavors/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';
import { requireProject } from './projects.ts';

export const flavorAccessPolicy = definePolicy({
  'os_compute_api:os-flavor-access': projectAdmin('List the projects that may use a private flavor'),
  'os_compute_api:os-flavor-access:add_tenant_access': projectAdmin('Give the use of a private flavor'),
  'os_compute_api:os-flavor-access:remove_tenant_access': projectAdmin('Take the use of a private flavor'),
});
const actionPolicy = {
  addTenantAccess: flavorAccessPolicy['os_compute_api:os-flavor-access:add_tenant_access'],
  removeTenantAccess: flavorAccessPolicy['os_compute_api:os-flavor-access:remove_tenant_access'],
};

const Tenant = Type.Object(
  { tenant: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' }) },
  closed,
);
const FlavorAction = Type.Union([
  Type.Object({ addTenantAccess: Tenant }, closed),
  Type.Object({ removeTenantAccess: Tenant }, closed),
]);

export const flavorAccessRoutes = ({ db, enforcer }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/flavors/{flavor_id}/os-flavor-access',
    rule: flavorAccessPolicy['os_compute_api:os-flavor-access'],
    summary: 'List the projects that may use a private flavor',
    status: 200,
    async handler({ ctx, params }) {
      const flavor = await getFlavor(db, visibleTo(ctx), params.flavor_id ?? '');
      if (flavor.isPublic) throw new NotFound('Access list of public flavor', flavor.id);
      return accessView(db, flavor.id);
    },
  }),
  route({
    method: 'POST',
    path: '/v2.1/flavors/{flavor_id}/action',
    rule: actionPolicy.addTenantAccess,
    summary: 'Give the use of a private flavor to a project, or take it: addTenantAccess, removeTenantAccess',
    body: FlavorAction,
    status: 200,
    async handler({ ctx, params, body, version }) {
      const id = params.flavor_id ?? '';
      if ('removeTenantAccess' in body) {
        enforcer.authorize(ctx, actionPolicy.removeTenantAccess);
        // Also of a project that is no more.
        const flavor = await getFlavor(db, 'everyone', id);
        await removeFlavorAccess(db, flavor.id, body.removeTenantAccess.tenant);
        return accessView(db, flavor.id);
      }
      const { tenant } = body.addTenantAccess;
      await requireProject(db, tenant);
      const flavor = await getFlavor(db, 'everyone', id);
      if (flavor.isPublic && since(version, 2, 7)) throw new Conflict('Can not add access to a public flavor.');
      await addFlavorAccess(db, flavor.id, tenant);
      return accessView(db, flavor.id);
    },
  }),
];

async function accessView(db: Knex, flavorId: string) {
  const projects = await listFlavorAccess(db, flavorId);
  return { flavor_access: projects.map((id) => ({ flavor_id: flavorId, tenant_id: id })) };
}
