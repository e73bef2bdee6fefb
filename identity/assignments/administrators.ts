import type { Knex } from '../../common/database/database.ts';
import type { Actor } from './assignment.ts';

/**
 * Whether somebody reaches the whole cloud: by any role on the system, or by `admin` on a project, also through a group, from
 * above or by a trust. No role implies `admin`.
 */
export async function reachesCloud(db: Knex, actor: Actor): Promise<boolean> {
  const id = 'userId' in actor ? actor.userId : actor.groupId;
  if (id.includes('\0')) return false;
  const isTheirs =
    'userId' in actor
      ? '(a.user_id = :id or a.group_id in (select group_id from memberships where user_id = :id))'
      : 'a.group_id = :id';
  const isEntrusted =
    'userId' in actor
      ? `exists (select from trusts t join trust_roles g on g.trust_id = t.id join roles r on r.id = g.role_id
           where t.trustee_user_id = :id and ${isAdmin})`
      : 'false';
  const { rows } = await db.raw(
    `select exists (select from role_assignments a join roles r on r.id = a.role_id
         where ${isTheirs} and (a.system or (${isAdmin} and (a.inherited or a.project_id is not null))))
       or ${isEntrusted} as does`,
    { id },
  );
  return rows[0].does;
}

const isAdmin = `r.name = 'admin' and r.domain_id is null`;
