import type { Migration } from '../../common/database/migrate.ts';

/** What everybody's list has, in the order of lists. */
export const indexPublicImages: Migration = {
  name: 'image/0010-public',
  async up(db) {
    await db.raw(`
      create index images_public on images (created_at desc, id desc) where visibility = 'public';
    `);
  },
};
