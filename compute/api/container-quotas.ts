import { NotFound } from '../../common/errors.ts';
import type { Version } from '../../common/http/microversion.ts';
import { since } from '../../common/http/microversion.ts';
import { flag } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import { containerLimit, quotaLimits } from '../limits.ts';
import { usageOf } from '../quotas/quotas.ts';
import type { ContainersApiDeps } from './containers-deps.ts';

export const containerQuotaPolicy = definePolicy({
  'quota:get': projectReader('Show the quotas of a project for containers'),
  'quota:get_default': projectReader('Show the default quotas for containers'),
});

/** Processors and memory are those of servers too: there is one quota. Disks of containers are not limited. */
const limits = { containers: containerLimit, cpu: quotaLimits.cores, memory: quotaLimits.ram, disk: -1 };

const target = ({ project_id = '' }: Record<string, string>) => ({ project_id });

export const containerQuotaRoutes = ({ db }: ContainersApiDeps) => [
  route({
    method: 'GET',
    path: '/v1/quotas/{project_id}',
    rule: containerQuotaPolicy['quota:get'],
    target,
    summary: 'Show the quotas of a project for containers',
    status: 200,
    async handler({ params, query, version }) {
      checkVersion(version);
      if (!flag(query.usages, 'usages')) return limits;
      const { containers, cores, ram } = await usageOf(db, params.project_id ?? '');
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
    handler({ version }) {
      checkVersion(version);
      return limits;
    },
  }),
];

function checkVersion(version: Version): void {
  if (!since(version, 1, 26)) throw new NotFound('Resource', 'quotas');
}
