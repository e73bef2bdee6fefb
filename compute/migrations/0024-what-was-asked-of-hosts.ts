import type { Migration } from '../../common/database/migrate.ts';

/** What a server asked of its host when it was made holds for every other host that it comes to. */
export const keepWhatWasAskedOfHosts: Migration = {
  name: 'compute/0024-what-was-asked-of-hosts',
  async up(db) {
    await db.raw(`
      -- Servers that it is to be with, or not with: {"sameHost": [id …], "differentHost": [id …]}.
      alter table server_boot_data add column scheduler_hints jsonb not null default '{}';
      -- The least memory that its image asks for.
      alter table server_boot_data add column image_min_ram_mib integer not null default 0;
    `);
  },
};
