import type { Migration } from '../../common/database/migrate.ts';

/** A host that dies while servers leave it may have let them go already: only the host that they went to can tell. */
export const letDestinationsDecide: Migration = {
  name: 'compute/0020-decided-there',
  async up(db) {
    await db.raw(`
      -- The source is dead: the destination goes by what it has, whatever the status says.
      alter table server_migrations add column destination_decides boolean not null default false;
      create index server_migrations_decided_there on server_migrations (destination_host) where destination_decides;
    `);
  },
};
