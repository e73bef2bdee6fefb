import type { Knex } from '../../common/database/database.ts';
import type { Subject } from '../tokens/revocations.ts';
import { subjectsOfUsers } from '../users/subjects.ts';

/** Above this many, all tokens of the users end instead of those for each scope: every process keeps what was revoked in memory. */
const most = 2000;

/**
 * Whose tokens may carry what these assignments give: for `revoke`, once they or what their roles imply is gone. Until
 * the transaction ends nobody joins the groups among them. `assignments` are rows of `role_assignments`.
 */
export async function concernedBy(trx: Knex, assignments: Knex.QueryBuilder): Promise<Subject[]> {
  const groupIds: string[] = await trx('groups')
    .whereIn('id', assignments.clone().whereNotNull('group_id').select('group_id'))
    .orderBy('id')
    .forUpdate()
    .pluck('id');
  const ofGroups = groupIds.map((id): Subject => `group:${id}`);
  const holders = trx.with('taken', assignments.clone().select('role_assignments.*')).with(
    'held',
    trx.raw(`select user_id, project_id, domain_id, inherited from taken where user_id is not null
               union all
               select m.user_id, t.project_id, t.domain_id, t.inherited
                 from taken t join (
                   select group_id, user_id from group_members union all select group_id, user_id from federated_group_members
                 ) m on m.group_id = t.group_id`),
  );
  const rows = await holders
    .clone()
    .from('held')
    .distinct(
      trx.raw(`case when inherited then 'user:' || user_id
                    else 'grant:' || user_id || ':' || coalesce(project_id, domain_id, 'system') end as subject`),
    )
    .limit(most + 1);
  if (rows.length <= most) return [...ofGroups, ...rows.map((row): Subject => row.subject)];
  const userIds: string[] = await holders.from('held').distinct('user_id').pluck('user_id');
  return [...ofGroups, ...(await subjectsOfUsers(trx, userIds))];
}
