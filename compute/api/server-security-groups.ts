/** The groups of a server, as clients read them before they asked Network (nova/api/openstack/compute/security_groups.py). */
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import { listSecurityGroups } from '../servers/security-groups.ts';
import type { ComputeApiDeps } from './deps.ts';
import { securityGroupViews } from './proxies/security-group-view.ts';

export const serverSecurityGroupPolicy = definePolicy({
  'os_compute_api:os-security-groups:list': projectReader('List the security groups of a server'),
});

export const serverSecurityGroupRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-security-groups',
    rule: serverSecurityGroupPolicy['os_compute_api:os-security-groups:list'],
    summary: 'List the security groups of a server',
    status: 200,
    async handler({ ctx, params }) {
      const groups = await listSecurityGroups(deps, ctx, params.server_id ?? '');
      return { security_groups: await securityGroupViews(deps.db, ctx, groups) };
    },
  }),
];
