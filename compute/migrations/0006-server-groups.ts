import type { Migration } from '../../common/database/migrate.ts';

/** Servers that belong near each other, or apart. A server is in one group at most, and leaves it by being deleted. */
export const createServerGroups: Migration = {
  name: 'compute/0006-server-groups',
  async up(db) {
    await db.raw(`
      create table server_groups (
        id uuid primary key default gen_random_uuid(),
        project_id text not null,
        user_id text not null,
        name text not null,
        policy text not null check (policy in ('affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity')),
        most_per_host integer check (most_per_host > 0),
        created_at timestamptz(3) not null default now(),
        check (most_per_host is null or policy = 'anti-affinity')
      );
      create index server_groups_of_project on server_groups (project_id, created_at, id);
      create table server_group_members (
        server_id uuid primary key references servers on delete cascade,
        group_id uuid not null references server_groups on delete cascade,
        created_at timestamptz(3) not null default now()
      );
      create index server_group_members_of_group on server_group_members (group_id);
    `);
  },
};
