/** The SQL of limits that administrators set here: of projects, of users within them, and of quota classes. */
import type { Knex } from '../../common/database/database.ts';
import { isQuotaResource, type Limits } from './resources.ts';

/** `userId` null: the project as a whole. */
export interface QuotaOwner {
  projectId: string;
  userId: string | null;
}

/** What was set for the owner; empty where nothing was. */
export async function ownLimits(db: Knex, owner: QuotaOwner): Promise<Partial<Limits>> {
  return named(await db('compute_quotas').where(keyOf(owner)).select('resource', 'maximum'));
}

/** The same of a project and of one of its users, in one question. */
export async function ownLimitsOfBoth(
  db: Knex,
  { projectId, userId }: { projectId: string; userId: string },
): Promise<{ ofProject: Partial<Limits>; ofUser: Partial<Limits> }> {
  const rows = await db('compute_quotas')
    .where({ project_id: projectId })
    .whereRaw('user_id = any(?)', [['', userId]])
    .select('user_id', 'resource', 'maximum');
  return {
    ofProject: named(rows.filter((row) => row.user_id === '')),
    ofUser: named(rows.filter((row) => row.user_id === userId)),
  };
}

/** Of everything that is named, the new numbers; the rest stays. */
export async function setOwnLimits(trx: Knex, owner: QuotaOwner, limits: Partial<Limits>): Promise<void> {
  const rows = Object.entries(limits).map(([resource, maximum]) => ({ ...keyOf(owner), resource, maximum }));
  if (rows.length > 0)
    await trx('compute_quotas').insert(rows).onConflict(['project_id', 'user_id', 'resource']).merge(['maximum']);
}

/** Back to what everybody has. Of a project: also its users', whose limits are within its own. */
export async function removeOwnLimits(db: Knex, owner: QuotaOwner): Promise<void> {
  await db('compute_quotas')
    .where(owner.userId === null ? { project_id: owner.projectId } : keyOf(owner))
    .delete();
}

/** What was set for a quota class; that of everybody without limits of their own is `default`. */
export async function classLimits(db: Knex, className: string): Promise<Partial<Limits>> {
  return named(await db('compute_quota_classes').where({ class: className }).select('resource', 'maximum'));
}

export async function setClassLimits(trx: Knex, className: string, limits: Partial<Limits>): Promise<void> {
  const rows = Object.entries(limits).map(([resource, maximum]) => ({ class: className, resource, maximum }));
  if (rows.length > 0)
    await trx('compute_quota_classes').insert(rows).onConflict(['class', 'resource']).merge(['maximum']);
}

function keyOf({ projectId, userId }: QuotaOwner) {
  return { project_id: projectId, user_id: userId ?? '' };
}

function named(rows: { resource: string; maximum: number }[]): Partial<Limits> {
  return Object.fromEntries(
    rows.filter((row) => isQuotaResource(row.resource)).map((row) => [row.resource, row.maximum]),
  );
}
