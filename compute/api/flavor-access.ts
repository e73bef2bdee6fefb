import { Type } from 'typebox';
import { BadRequest, Conflict } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { addFlavorAccess, getFlavor, listFlavorAccess, removeFlavorAccess } from '../flavors/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const flavorAccessPolicy = definePolicy({
  'os_compute_api:os-flavor-access:add_tenant_access': projectAdmin('Give or take the use of a private flavor'),
});

const Tenant = Type.Object({ tenant: Type.String({ minLength: 1, maxLength: 255 }) }, closed);
const FlavorAction = Type.Union([
  Type.Object({ addTenantAccess: Tenant }, closed),
  Type.Object({ removeTenantAccess: Tenant }, closed),
]);

export const flavorAccessRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/flavors/{flavor_id}/action',
    rule: flavorAccessPolicy['os_compute_api:os-flavor-access:add_tenant_access'],
    summary: 'Give the use of a private flavor to a project, or take it: addTenantAccess, removeTenantAccess',
    body: FlavorAction,
    status: 200,
    async handler({ params, body }) {
      const flavor = await getFlavor(db, 'everyone', params.flavor_id ?? '');
      if (flavor.isPublic) throw new Conflict(`Can not change access of the public flavor ${flavor.id}.`);
      if ('addTenantAccess' in body) await addFlavorAccess(db, flavor.id, checked(body.addTenantAccess.tenant));
      else await removeFlavorAccess(db, flavor.id, checked(body.removeTenantAccess.tenant));
      const projects = await listFlavorAccess(db, flavor.id);
      return { flavor_access: projects.map((id) => ({ flavor_id: flavor.id, tenant_id: id })) };
    },
  }),
];

function checked(projectId: string): string {
  if (!/^[0-9a-f-]{32,36}$/.test(projectId)) throw new BadRequest(`Project ID ${projectId} is not a valid project.`);
  return projectId;
}
