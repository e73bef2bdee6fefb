import type { Knex } from '../../../common/database/database.ts';

/** Full names, with the projects' ids, in their order and after `last`. */
export async function listRepositoryNames(
  db: Knex,
  projectIds: string[],
  { last, limit }: { last: string | undefined; limit: number },
): Promise<{ names: string[]; more: boolean }> {
  const fullName = `project_id || '/' || name collate "C"`;
  const names: string[] = await db('registry_repositories')
    .whereNull('deletion_requested_at')
    .whereIn('project_id', projectIds)
    .modify((query) => {
      if (last !== undefined) query.whereRaw(`(${fullName}) > ?`, [last]);
    })
    .orderByRaw(`(${fullName})`)
    .limit(limit + 1)
    .select(db.raw(`(${fullName}) as full_name`))
    .then((rows: { full_name: string }[]) => rows.map((row) => row.full_name));
  return { names: names.slice(0, limit), more: names.length > limit };
}
