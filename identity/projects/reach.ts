import type { Knex } from '../../common/database/database.ts';

/**
 * The ids of the projects that a user has a role on, as a query: given to them or a group of theirs, on the project itself,
 * or inherited from its domain or a project above it.
 */
export function projectsOfUser(db: Knex, userId: string): Knex.Raw {
  return db.raw(
    `with recursive given as (
       select project_id, domain_id, inherited from role_assignments where user_id = :userId
       union
       select a.project_id, a.domain_id, a.inherited from group_members m
         join role_assignments a on a.group_id = m.group_id where m.user_id = :userId
     ), below(id) as (
       select p.id from given g join projects p on p.parent_id = g.project_id where g.inherited
       union select p.id from below b join projects p on p.parent_id = b.id
     )
     select project_id from given where project_id is not null and not inherited
     union select id from below
     union select p.id from given g join projects p on p.domain_id = g.domain_id where g.inherited`,
    { userId },
  );
}
