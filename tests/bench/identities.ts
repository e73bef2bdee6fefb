/** Identity as a large organisation has it: 50,000 users, 10,000 projects, 200,000 role assignments. */
import { openDatabase } from '../../common/database/database.ts';
import { Secret } from '../../common/secret.ts';
import { hashPassword } from '../../identity/users/password.ts';

export const sizes = { users: 50_000, projects: 10_000, assignments: 200_000, groups: 100 };
export const password = 'benchmark-password';

/** Straight into the tables: through the API it would take half an hour of hashing. @returns the id of who is in every group. */
export async function fillWithIdentities(_dataDir: string, databaseUrl: string): Promise<string> {
  const db = openDatabase(databaseUrl, { max: 1 });
  try {
    const { users, projects, assignments, groups } = sizes;
    await db.raw(
      `insert into projects (id, domain_id, name)
         select md5('project ' || n), 'default', 'project-' || n from generate_series(1, :projects::int) n`,
      { projects },
    );
    await db.raw(
      `insert into users (id, domain_id, name, email, default_project_id, password_hash)
         select md5('user ' || n), 'default', 'user-' || n, 'user-' || n || '@example.org',
                md5('project ' || 1 + n % :projects::int), :hash
           from generate_series(1, :users::int) n`,
      { users, projects, hash: await hashPassword(new Secret(password)) },
    );
    // The first of each user's is on their default project.
    await db.raw(
      `insert into role_assignments (user_id, role_id, project_id)
         select md5('user ' || n), roles.id, md5('project ' || 1 + (n + k * 2503) % :projects::int)
           from generate_series(1, :users::int) n, generate_series(0, :each::int - 1) k
           join roles on roles.name = case when k % 2 = 0 then 'member' else 'reader' end`,
      { users, projects, each: assignments / users },
    );
    await db.raw(
      `insert into groups (id, domain_id, name)
         select md5('group ' || n), 'default', 'group-' || n from generate_series(1, :groups::int) n`,
      { groups },
    );
    await db.raw(
      `insert into group_members (group_id, user_id)
         select md5('group ' || n), md5('user 1') from generate_series(1, :groups::int) n`,
      { groups },
    );
    // Two projects for each group: 200 for who is in all of them.
    await db.raw(
      `insert into role_assignments (group_id, role_id, project_id)
         select md5('group ' || n), roles.id, md5('project ' || 5000 + n * 2 + k)
           from generate_series(1, :groups::int) n, generate_series(0, 1) k join roles on roles.name = 'member'`,
      { groups },
    );
    const { rows } = await db.raw(`select md5('user 1') as id`);
    return rows[0].id;
  } finally {
    await db.destroy();
  }
}
