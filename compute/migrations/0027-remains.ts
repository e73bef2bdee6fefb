import type { Migration } from '../../common/database/migrate.ts';

/** Servers of dead hosts are deleted without them; what is left there is not forgotten. */
export const rememberRemains: Migration = {
  name: 'compute/0027-remains',
  async up(db) {
    await db.raw(`
      -- Of a server that was deleted, and may be on that host, running or not. Its agent removes both.
      create table server_remains (
        host_id uuid not null references compute_hosts on delete cascade,
        server_id uuid not null,
        created_at timestamptz(3) not null default now(),
        primary key (host_id, server_id)
      );
    `);
  },
};
