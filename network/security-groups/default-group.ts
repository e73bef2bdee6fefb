import type { Knex } from '../../common/database/database.ts';
import { wake } from '../lifecycle.ts';

/**
 * The id of the project's `default` group, made now if it is not there: everything may leave, and only what comes from
 * members of the group may enter. Safe to call at the same time from anywhere.
 */
export async function ensureDefaultGroup(db: Knex, projectId: string): Promise<string> {
  return (await findDefaultGroup(db, projectId)) ?? (await db.transaction((trx) => makeDefaultGroup(trx, projectId)));
}

async function findDefaultGroup(db: Knex, projectId: string): Promise<string | undefined> {
  const row = await db('security_groups')
    .where({ project_id: projectId, is_default: true })
    .whereNull('deletion_requested_at')
    .first('id');
  return row?.id;
}

async function makeDefaultGroup(trx: Knex, projectId: string): Promise<string> {
  const [made] = await trx('security_groups')
    .insert({ project_id: projectId, name: 'default', description: 'Default security group', is_default: true })
    .onConflict(trx.raw('(project_id) where is_default and deletion_requested_at is null'))
    .ignore()
    .returning('id');
  // Nothing made: another request was faster, and has committed, because the insert waited for it.
  if (made === undefined) return (await findDefaultGroup(trx, projectId)) as string;
  const rule = { project_id: projectId, security_group_id: made.id };
  await trx('security_group_rules').insert(
    (['IPv4', 'IPv6'] as const).flatMap((ethertype) => [
      { ...rule, ethertype, direction: 'egress', remote_group_id: null },
      { ...rule, ethertype, direction: 'ingress', remote_group_id: made.id },
    ]),
  );
  await wake(trx, 'security_groups', made.id);
  return made.id;
}
