import type { Migration } from '../../common/database/migrate.ts';

/** Servers that are gone, as they were: lists that ask what has changed tell of them. */
export const keepDeletedServers: Migration = {
  name: 'compute/0016-deleted-servers',
  async up(db) {
    await db.raw(`
      -- Only ever set in what is kept of servers that are gone.
      alter table servers add column gone_at timestamptz(3) check (gone_at is null);
      -- A row of servers. Null of what went before this was kept.
      alter table deleted_servers add column record jsonb;
    `);
  },
};
