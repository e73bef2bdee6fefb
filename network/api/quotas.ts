import { Type } from 'typebox';
import type { ProjectContext } from '../../common/context.ts';
import { noContent, route } from '../../common/http/route.ts';
import { networkPolicy } from '../policy.ts';
import { listQuotas, quotaOf, resetQuota, setQuota, usages } from '../quotas/operations.ts';
import { defaultQuota, quotaResources } from '../quotas/quota.ts';
import { closed } from './bodies.ts';
import type { ApiDeps } from './deps.ts';

const limit = Type.Optional(Type.Integer({ minimum: -1, maximum: 2147483647 }));
const Limits = Type.Object(
  {
    network: limit,
    subnet: limit,
    port: limit,
    router: limit,
    floatingip: limit,
    security_group: limit,
    security_group_rule: limit,
    project_id: Type.Optional(Type.String()),
    tenant_id: Type.Optional(Type.String()),
    force: Type.Optional(Type.Boolean()),
    check_limit: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** Another project's quota is an administrator's business; the rule sees whose it is. */
const target = (params: Record<string, string>) => ({ project_id: params.project_id });

export const quotaRoutes = (deps: ApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.0/quotas',
    rule: networkPolicy.list_quotas,
    summary: 'List projects with quotas of their own',
    status: 200,
    async handler() {
      const quotas = await listQuotas(deps.db);
      return {
        quotas: quotas.map(({ projectId, quota }) => ({ ...quota, project_id: projectId, tenant_id: projectId })),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.0/quotas/{project_id}',
    rule: networkPolicy.get_quota,
    target,
    summary: 'Show a project’s quotas',
    status: 200,
    handler: async ({ params }) => ({ quota: await quotaOf(deps.db, params.project_id ?? '') }),
  }),
  route({
    method: 'PUT',
    path: '/v2.0/quotas/{project_id}',
    rule: networkPolicy.update_quota,
    summary: 'Change a project’s quotas',
    status: 200,
    body: Type.Object({ quota: Limits }, closed),
    async handler({ params, body }) {
      const limits = Object.fromEntries(
        quotaResources.flatMap((one) => (body.quota[one] === undefined ? [] : [[one, body.quota[one]]])),
      );
      return { quota: await setQuota(deps.db, params.project_id ?? '', limits) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.0/quotas/{project_id}',
    rule: networkPolicy.delete_quota,
    summary: 'Give a project the default quotas again',
    status: 204,
    async handler({ params }, h) {
      await resetQuota(deps.db, params.project_id ?? '');
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: '/v2.0/quotas/{project_id}/default',
    rule: networkPolicy.get_quota,
    target,
    summary: 'Show the quotas a project has unless told otherwise',
    status: 200,
    handler: () => ({ quota: defaultQuota }),
  }),
  ...['details', 'details.json'].map((last) =>
    route({
      method: 'GET',
      path: `/v2.0/quotas/{project_id}/${last}`,
      rule: networkPolicy.get_quota,
      target,
      summary: 'Show a project’s quotas with what is used of them',
      status: 200,
      async handler({ params: { project_id: id = '' } }: { ctx: ProjectContext; params: Record<string, string> }) {
        const [limits, used] = await Promise.all([quotaOf(deps.db, id), usages(deps.db, id)]);
        const entries = quotaResources.map((one) => [one, { limit: limits[one], used: used[one], reserved: 0 }]);
        return { quota: Object.fromEntries(entries) };
      },
    }),
  ),
];
