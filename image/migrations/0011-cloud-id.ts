import type { Migration } from '../../common/database/migrate.ts';

/** By which a place that several clouds could reach tells whose it is. It is the database's: whoever restores it has it. */
export const nameCloud: Migration = {
  name: 'image/0011-cloud-id',
  async up(db) {
    await db.raw(`
      create table image_cloud (
        is_only boolean primary key default true check (is_only),
        id uuid not null default gen_random_uuid()
      );
      insert into image_cloud default values;
    `);
  },
};
