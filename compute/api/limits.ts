import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { quotaLimits } from '../limits.ts';
import { usageOf } from '../quotas/quotas.ts';
import type { ComputeApiDeps } from './deps.ts';

export const limitPolicy = definePolicy({
  'os_compute_api:limits': projectReader('Show the limits of a project and what it uses'),
  'os_compute_api:limits:other_project': projectAdmin('Show the limits of another project'),
  'os_compute_api:os-quota-sets:show': projectReader('Show the quotas of a project'),
  'os_compute_api:os-quota-sets:detail': projectReader('Show the quotas of a project with what it uses'),
  'os_compute_api:os-quota-sets:defaults': projectReader('Show the default quotas'),
});

/** Limits that Nova still lists although others own them, or although they are gone: -1 is "none". */
const others = {
  fixed_ips: -1,
  floating_ips: -1,
  injected_files: 0,
  injected_file_content_bytes: 0,
  injected_file_path_bytes: 0,
  security_groups: -1,
  security_group_rules: -1,
  server_groups: 0,
  server_group_members: 0,
};

const target = ({ project_id = '' }: Record<string, string>) => ({ project_id });

export const limitRoutes = ({ db, enforcer }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/limits',
    rule: limitPolicy['os_compute_api:limits'],
    summary: 'Show the limits of a project and what it uses',
    status: 200,
    async handler({ ctx, query }) {
      const projectId = one(query.tenant_id) ?? ctx.projectId;
      if (projectId !== ctx.projectId) enforcer.authorize(ctx, limitPolicy['os_compute_api:limits:other_project']);
      const used = await usageOf(db, projectId);
      const absolute = {
        maxTotalInstances: quotaLimits.instances,
        maxTotalCores: quotaLimits.cores,
        maxTotalRAMSize: quotaLimits.ram,
        maxTotalKeypairs: quotaLimits.key_pairs,
        maxServerMeta: quotaLimits.metadata_items,
        maxImageMeta: quotaLimits.metadata_items,
        maxPersonality: 0,
        maxPersonalitySize: 0,
        maxTotalFloatingIps: -1,
        maxSecurityGroups: -1,
        maxSecurityGroupRules: -1,
        maxServerGroups: 0,
        maxServerGroupMembers: 0,
        totalInstancesUsed: used.instances,
        totalCoresUsed: used.cores,
        totalRAMUsed: used.ram,
        totalFloatingIpsUsed: 0,
        totalSecurityGroupsUsed: 0,
        totalServerGroupsUsed: 0,
      };
      return { limits: { rate: [], absolute } };
    },
  }),
  ...(['show', 'defaults'] as const).map((kind) =>
    route({
      method: 'GET',
      path: `/v2.1/os-quota-sets/{project_id}${kind === 'show' ? '' : '/defaults'}`,
      rule: limitPolicy[`os_compute_api:os-quota-sets:${kind}`],
      target,
      summary: kind === 'show' ? 'Show the quotas of a project' : 'Show the default quotas',
      status: 200,
      handler: ({ params }) => ({ quota_set: { id: params.project_id, ...quotaLimits, ...others } }),
    }),
  ),
  route({
    method: 'GET',
    path: '/v2.1/os-quota-sets/{project_id}/detail',
    rule: limitPolicy['os_compute_api:os-quota-sets:detail'],
    target,
    summary: 'Show the quotas of a project with what it uses',
    status: 200,
    async handler({ params }) {
      const projectId = params.project_id ?? '';
      const used: Record<string, number> = { ...(await usageOf(db, projectId)) };
      const details = Object.entries({ ...quotaLimits, ...others }).map(([name, limit]) => [
        name,
        { limit, in_use: used[name] ?? 0, reserved: 0 },
      ]);
      return { quota_set: { id: projectId, ...Object.fromEntries(details) } };
    },
  }),
];
