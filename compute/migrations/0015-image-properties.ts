import type { Migration } from '../../common/database/migrate.ts';

/** What the image of a server says of the machine that runs it, as it was when the server was made or rebuilt. */
export const keepImageProperties: Migration = {
  name: 'compute/0015-image-properties',
  async up(db) {
    await db.raw(`alter table server_boot_data add column image_properties jsonb not null default '{}'`);
  },
};
