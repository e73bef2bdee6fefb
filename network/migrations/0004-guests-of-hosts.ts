import type { Migration } from '../../common/database/migrate.ts';

/** A host asks every few seconds which networks its guests are on. */
export const indexGuestsOfHosts: Migration = {
  name: 'network/0004-guests-of-hosts',
  async up(db) {
    await db.raw(`
      create index ports_of_host on ports (host_name, network_id)
        where attached_to is not null and deletion_requested_at is null;
    `);
  },
};
