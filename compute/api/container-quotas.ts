import { NotFound } from '../../common/errors.ts';
import type { Version } from '../../common/http/microversion.ts';
import { since } from '../../common/http/microversion.ts';
import { flag } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import { containerLimit } from '../limits.ts';
import { computeLimitsOf, defaultLimitsOf } from '../quotas/limits.ts';
import { usageOf } from '../quotas/usage.ts';
import type { ContainersApiDeps } from './containers-deps.ts';

export const containerQuotaPolicy = definePolicy({
  'quota:get': projectReader('Show the quotas of a project for containers'),
  'quota:get_default': projectReader('Show the default quotas for containers'),
});

/** Processors and memory are those of servers too: there is one quota. Disks of containers are not limited. */
function limitsView({ cores, ram }: { cores: number; ram: number }) {
  return { containers: containerLimit, cpu: cores, memory: ram, disk: -1 };
}

const target = ({ project_id = '' }: Record<string, string>) => ({ project_id });

export const containerQuotaRoutes = ({ db, region }: ContainersApiDeps) => [
  route({
    method: 'GET',
    path: '/v1/quotas/{project_id}',
    rule: containerQuotaPolicy['quota:get'],
    target,
    summary: 'Show the quotas of a project for containers',
    status: 200,
    async handler({ params, query, version }) {
      checkVersion(version);
      const projectId = params.project_id ?? '';
      const limits = limitsView(await computeLimitsOf(db, { projectId, region }));
      if (!flag(query.usages, 'usages')) return limits;
      const { containers, cores, ram } = await usageOf(db, projectId);
      const used = { containers, cpu: cores, memory: ram, disk: 0 };
      return Object.fromEntries(
        Object.entries(limits).map(([name, limit]) => [name, { limit, in_use: used[name as keyof typeof used] }]),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/quotas/{project_id}/defaults',
    rule: containerQuotaPolicy['quota:get_default'],
    target,
    summary: 'Show the default quotas for containers',
    status: 200,
    async handler({ params, version }) {
      checkVersion(version);
      return limitsView(await defaultLimitsOf(db, { projectId: params.project_id ?? '', region }));
    },
  }),
];

function checkVersion(version: Version): void {
  if (!since(version, 1, 26)) throw new NotFound('Resource', 'quotas');
}
