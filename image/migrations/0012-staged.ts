import type { Migration } from '../../common/database/migrate.ts';

/** How large data is that waits for its import; what waited before this counts nothing. */
export const countStagedData: Migration = {
  name: 'image/0012-staged',
  async up(db) {
    await db.raw('alter table images add column staged_bytes bigint');
  },
};
