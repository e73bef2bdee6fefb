import type { Context } from '../../common/context.ts';
import type { Version } from '../../common/http/microversion.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import { defaultLimitsOf, limitsOf } from '../quotas/limits.ts';
import { limitsOfUser, resetQuotas, setQuotas } from '../quotas/operations.ts';
import type { Limits } from '../quotas/resources.ts';
import { allUsageOf } from '../quotas/usage.ts';
import { checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { requireProject } from './projects.ts';
import { limitsFrom, pick, QuotaSet, shownResources } from './quota-fields.ts';

export const quotaSetPolicy = definePolicy({
  'os_compute_api:os-quota-sets:show': projectReader('Show the quotas of a project'),
  'os_compute_api:os-quota-sets:detail': projectReader('Show the quotas of a project with what it uses'),
  'os_compute_api:os-quota-sets:defaults': projectReader('Show the default quotas of a project'),
  'os_compute_api:os-quota-sets:update': projectAdmin('Set the quotas of a project'),
  'os_compute_api:os-quota-sets:delete': projectAdmin('Give a project the default quotas again'),
});

const target = ({ project_id = '' }: Record<string, string>) => ({ project_id });
const base = '/v2.1/os-quota-sets/{project_id}';

export const quotaSetRoutes = ({ db, region }: ComputeApiDeps) => {
  /** Whose quota: a project's, or with `user_id` a user's within it. Only administrators learn that a project is none. */
  const ownerOf = async (ctx: Context, params: Record<string, string>, query: Record<string, unknown>) => {
    const projectId = params.project_id ?? '';
    if (ctx.isAdmin && projectId !== ctx.projectId) await requireProject(db, projectId);
    return { projectId, region, userId: one(query.user_id) || null };
  };
  const limitsFor = async (owner: Awaited<ReturnType<typeof ownerOf>>): Promise<Limits> =>
    limitsOfUser(db, await limitsOf(db, owner), owner);
  return [
    route({
      method: 'GET',
      path: base,
      rule: quotaSetPolicy['os_compute_api:os-quota-sets:show'],
      target,
      summary: 'Show the quotas of a project; with `user_id`, of a user within it',
      status: 200,
      async handler({ ctx, params, query, version }) {
        checkQuery(version, query, ['user_id']);
        const owner = await ownerOf(ctx, params, query);
        return { quota_set: { id: owner.projectId, ...pick(await limitsFor(owner), shownResources(version)) } };
      },
    }),
    route({
      method: 'GET',
      path: `${base}/defaults`,
      rule: quotaSetPolicy['os_compute_api:os-quota-sets:defaults'],
      target,
      summary: 'Show what a project has for which nobody has set anything',
      status: 200,
      async handler({ ctx, params, version }) {
        const owner = await ownerOf(ctx, params, {});
        const limits = await defaultLimitsOf(db, owner);
        return { quota_set: { id: owner.projectId, ...pick(limits, shownResources(version)) } };
      },
    }),
    route({
      method: 'GET',
      path: `${base}/detail`,
      rule: quotaSetPolicy['os_compute_api:os-quota-sets:detail'],
      target,
      summary: 'Show the quotas of a project with what it uses',
      status: 200,
      async handler({ ctx, params, query, version }) {
        checkQuery(version, query, ['user_id']);
        const owner = await ownerOf(ctx, params, query);
        const limits = await limitsFor(owner);
        const used = await allUsageOf(db, owner.projectId, owner.userId);
        const details = shownResources(version).map((name) => [
          name,
          { limit: limits[name], in_use: used[name], reserved: 0 },
        ]);
        return { quota_set: { id: owner.projectId, ...Object.fromEntries(details) } };
      },
    }),
    route({
      method: 'PUT',
      path: base,
      rule: quotaSetPolicy['os_compute_api:os-quota-sets:update'],
      summary: 'Set the quotas of a project; with `user_id`, of a user within it',
      body: QuotaSet,
      status: 200,
      async handler({ ctx, params, query, body, version }) {
        checkQuery(version, query, ['user_id']);
        const { quota_set: asked } = body;
        const limits = limitsFrom(asked, shownResources(version));
        const owner = await ownerOf(ctx, params, query);
        await setQuotas(db, owner, limits, { force: isYes((asked.force as boolean | string | undefined) ?? false) });
        return { quota_set: await shown(owner, version) };
      },
    }),
    route({
      method: 'DELETE',
      path: base,
      rule: quotaSetPolicy['os_compute_api:os-quota-sets:delete'],
      summary: 'Give a project, or with `user_id` a user within it, the default quotas again',
      status: 202,
      async handler({ params, query, version }, h) {
        checkQuery(version, query, ['user_id']);
        await resetQuotas(db, { projectId: params.project_id ?? '', userId: one(query.user_id) || null });
        return h.response().code(202);
      },
    }),
  ];

  async function shown(owner: Awaited<ReturnType<typeof ownerOf>>, version: Version) {
    return pick(await limitsFor(owner), shownResources(version));
  }
};
