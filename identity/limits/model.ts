import type { Knex } from '../../common/database/database.ts';
import { CloudError, Forbidden } from '../../common/errors.ts';

/** How limits of projects relate to those of their domains. The names are keystone's. */
export const limitModels = {
  flat: 'Every project and domain has its own limit; the hierarchy of projects does not matter.',
  strict_two_level:
    'Projects are directly below their domains, and no project has a higher limit than its domain, whose limit is for all of them together.',
} as const;

export type LimitModel = keyof typeof limitModels;

/** How many levels of projects there can be below a domain, where the model says so. */
export function projectLevels(model: LimitModel): number {
  return model === 'flat' ? Number.POSITIVE_INFINITY : 1;
}

/** What was created or changed. */
export interface ChangedLimits {
  registeredLimitIds: string[];
  projectIds: string[];
  domainIds: string[];
}

/**
 * Ends the transaction of a change that the model does not allow: throws `Forbidden` where a changed project now has more
 * than its domain, or a changed domain less than one of its projects. A domain without a limit has the registered default.
 * To be called after the change, and after `lockLimits`.
 */
export async function checkModel(trx: Knex, model: LimitModel, changed: ChangedLimits): Promise<void> {
  if (model === 'flat') return;
  const { rows } = await trx.raw(
    `select l.project_id, p.domain_id, l.resource_limit, r.resource_name,
       coalesce(d.resource_limit, r.default_limit) as domain_limit
     from limits l join projects p on p.id = l.project_id join registered_limits r on r.id = l.registered_limit_id
       left join limits d on d.registered_limit_id = r.id and d.domain_id = p.domain_id
     where r.id = any(:registeredLimitIds) and (p.id = any(:projectIds) or p.domain_id = any(:domainIds))
       and coalesce(d.resource_limit, r.default_limit) <> -1
       and (l.resource_limit = -1 or l.resource_limit > coalesce(d.resource_limit, r.default_limit))
     limit 1`,
    { ...changed },
  );
  const [wrong] = rows;
  if (wrong === undefined) return;
  throw new Forbidden(
    `Invalid resource limit: project ${wrong.project_id} would have a limit of ${wrong.resource_limit} for ${wrong.resource_name}, and its domain ${wrong.domain_id} one of ${wrong.domain_limit}; the model is strict_two_level.`,
  );
}

/** Changes of limits that have to fit together wait for one another. */
export async function lockLimits(trx: Knex, model: LimitModel): Promise<void> {
  if (model === 'flat') return;
  await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity limits']);
}

/** Throws where the projects there are do not fit the model: better not to start than to count wrongly, as keystone has it. */
export async function checkProjectsFit(db: Knex, model: LimitModel): Promise<void> {
  if (model === 'flat') return;
  const deeper: string[] = await db('projects').whereNotNull('parent_id').orderBy('id').limit(10).pluck('id');
  if (deeper.length > 0)
    throw new CloudError(
      `Setting limitModel: strict_two_level is for projects directly below their domains; these are below other projects: ${deeper.join(', ')}.`,
    );
}
