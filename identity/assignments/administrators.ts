import type { Knex } from '../../common/database/database.ts';
import type { Actor } from './assignment.ts';

/** Whether the role `admin` is given to somebody on a project or the system, also through a group or from above. */
export async function administratesCloud(db: Knex, actor: Actor): Promise<boolean> {
  const id = 'userId' in actor ? actor.userId : actor.groupId;
  if (id.includes('\0')) return false;
  const isTheirs =
    'userId' in actor
      ? '(a.user_id = :id or a.group_id in (select group_id from memberships where user_id = :id))'
      : 'a.group_id = :id';
  const { rows } = await db.raw(
    `select exists (select from role_assignments a join roles r on r.id = a.role_id
       where r.name = 'admin' and r.domain_id is null and ${isTheirs}
         and (a.system or a.inherited or a.project_id is not null)) as does`,
    { id },
  );
  return rows[0].does;
}
