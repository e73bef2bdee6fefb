import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

/** Ids of images that are gone. Hosts keep images by id while guests stand on them, so no id may ever mean other bytes. */
export const rememberUsedIds: Migration = {
  name: 'image/0002-used-ids',
  async up(db: Knex) {
    await db.raw('create table used_image_ids (id uuid primary key)');
  },
};
