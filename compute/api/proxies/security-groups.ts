/** Security groups for clients that ask Compute for them, until 2.35 (nova/api/openstack/compute/security_groups.py). */
import { Type } from 'typebox';
import { visibleTo } from '../../../common/context.ts';
import { BadRequest, Conflict, Forbidden } from '../../../common/errors.ts';
import { route } from '../../../common/http/route.ts';
import { isUuid } from '../../../common/ids.ts';
import { definePolicy, projectMember, projectReader } from '../../../common/policy/rules.ts';
import { networkPolicy } from '../../../network/policy.ts';
import { getSecurityGroup, listSecurityGroups } from '../../../network/proxied.ts';
import {
  createSecurityGroup,
  deleteSecurityGroup,
  updateSecurityGroup,
} from '../../../network/security-groups/operations.ts';
import type { SecurityGroup } from '../../../network/security-groups/security-group.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { sliceOf } from '../slices.ts';
import { enterProxy } from './proxy.ts';
import { securityGroupViews } from './security-group-view.ts';

export const securityGroupPolicy = definePolicy({
  'os_compute_api:os-security-groups:get': projectReader('List security groups, through Compute'),
  'os_compute_api:os-security-groups:show': projectReader('Show a security group, through Compute'),
  'os_compute_api:os-security-groups:create': projectMember('Create a security group, through Compute'),
  'os_compute_api:os-security-groups:update': projectMember('Change a security group, through Compute'),
  'os_compute_api:os-security-groups:delete': projectMember('Delete a security group, through Compute'),
});

const Text = Type.String({ maxLength: 255 });
/** Nova lets further fields pass, and does nothing with them. */
const Group = Type.Object({ security_group: Type.Object({ name: Text, description: Text }) });
const base = '/v2.1/os-security-groups';

export const securityGroupRoutes = (deps: ComputeApiDeps) => {
  const viewed = async (ctx: Parameters<typeof securityGroupViews>[1], group: SecurityGroup) => {
    const [security_group] = await securityGroupViews(deps.db, ctx, [group]);
    return { security_group };
  };
  return [
    route({
      method: 'GET',
      path: base,
      rule: securityGroupPolicy['os_compute_api:os-security-groups:get'],
      summary: 'List security groups, until 2.35; for administrators `all_tenants`',
      status: 200,
      async handler({ ctx, query, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.get_security_group);
        const everyone = ctx.isAdmin && query.all_tenants !== undefined;
        const visible = everyone ? 'everyone' : { projectId: ctx.projectId };
        const part = { projectId: ctx.projectId, ...sliceOf(query) };
        const groups = await listSecurityGroups(deps.db, visible, part);
        return { security_groups: await securityGroupViews(deps.db, ctx, groups) };
      },
    }),
    route({
      method: 'POST',
      path: base,
      rule: securityGroupPolicy['os_compute_api:os-security-groups:create'],
      summary: 'Create a security group, until 2.35',
      body: Group,
      status: 200,
      async handler({ ctx, body, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.create_security_group);
        const { name, description } = body.security_group;
        const group = await createSecurityGroup(deps, ctx, { name, description }).catch(conflictAs(Forbidden));
        return viewed(ctx, group);
      },
    }),
    route({
      method: 'GET',
      path: `${base}/{security_group_id}`,
      rule: securityGroupPolicy['os_compute_api:os-security-groups:show'],
      summary: 'Show a security group, until 2.35',
      status: 200,
      async handler({ ctx, params, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.get_security_group);
        return viewed(ctx, await getSecurityGroup(deps.db, visibleTo(ctx), checkedGroupId(params.security_group_id)));
      },
    }),
    route({
      method: 'PUT',
      path: `${base}/{security_group_id}`,
      rule: securityGroupPolicy['os_compute_api:os-security-groups:update'],
      summary: 'Change the name and the description of a security group, until 2.35',
      body: Group,
      status: 200,
      async handler({ ctx, params, body, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.update_security_group);
        const { name, description } = body.security_group;
        const id = checkedGroupId(params.security_group_id);
        return viewed(
          ctx,
          await updateSecurityGroup(deps, ctx, id, { name, description }).catch(conflictAs(BadRequest)),
        );
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/{security_group_id}`,
      rule: securityGroupPolicy['os_compute_api:os-security-groups:delete'],
      summary: 'Delete a security group that no port has, until 2.35',
      status: 202,
      async handler({ ctx, params, version }, h) {
        enterProxy(deps, { ctx, version }, networkPolicy.delete_security_group);
        await deleteSecurityGroup(deps, ctx, checkedGroupId(params.security_group_id)).catch(conflictAs(BadRequest));
        return h.response().code(202);
      },
    }),
  ];
};

/** Also of a rule: Nova has these words for both. Throws `BadRequest`. */
export function checkedGroupId(id = ''): string {
  if (!isUuid(id)) throw new BadRequest('Security group id should be uuid');
  return id;
}

/** Network's conflicts are no conflicts in Compute's API. */
function conflictAs(Told: typeof BadRequest | typeof Forbidden) {
  return (error: unknown): never => {
    throw error instanceof Conflict ? new Told(error.message, { cause: error }) : error;
  };
}
