import { since, type Version } from '../../common/http/microversion.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { limitsOf } from '../quotas/limits.ts';
import type { Limits } from '../quotas/resources.ts';
import { allUsageOf } from '../quotas/usage.ts';
import { checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';

export const limitPolicy = definePolicy({
  'os_compute_api:limits': projectReader('Show the limits of a project and what it uses'),
  'os_compute_api:limits:other_project': projectAdmin('Show the limits of another project'),
});

export const limitRoutes = ({ db, enforcer, region }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/limits',
    rule: limitPolicy['os_compute_api:limits'],
    summary: 'Show the limits of a project and what it uses',
    status: 200,
    async handler({ ctx, query, version }) {
      checkQuery(version, query, ['tenant_id']);
      const projectId = one(query.tenant_id) ?? ctx.projectId;
      if (projectId !== ctx.projectId) enforcer.authorize(ctx, limitPolicy['os_compute_api:limits:other_project']);
      const limits = await limitsOf(db, { projectId, region });
      const used = await allUsageOf(db, projectId);
      return { limits: { rate: [], absolute: absoluteLimits(limits, used, version) } };
    },
  }),
];

/** What concerns Network is gone from 2.36 on, images' metadata from 2.39 on, injected files from 2.57 on. */
function absoluteLimits(limits: Limits, used: Limits, version: Version) {
  return {
    maxTotalInstances: limits.instances,
    maxTotalCores: limits.cores,
    maxTotalRAMSize: limits.ram,
    maxTotalKeypairs: limits.key_pairs,
    maxServerMeta: limits.metadata_items,
    maxServerGroups: limits.server_groups,
    maxServerGroupMembers: limits.server_group_members,
    ...(!since(version, 2, 36) && {
      maxTotalFloatingIps: limits.floating_ips,
      maxSecurityGroups: limits.security_groups,
      maxSecurityGroupRules: limits.security_group_rules,
    }),
    ...(!since(version, 2, 39) && { maxImageMeta: limits.metadata_items }),
    ...(!since(version, 2, 57) && {
      maxPersonality: limits.injected_files,
      maxPersonalitySize: limits.injected_file_content_bytes,
    }),
    totalInstancesUsed: used.instances,
    totalCoresUsed: used.cores,
    totalRAMUsed: used.ram,
    totalServerGroupsUsed: used.server_groups,
    ...(!since(version, 2, 36) && {
      totalFloatingIpsUsed: used.floating_ips,
      totalSecurityGroupsUsed: used.security_groups,
    }),
  };
}
