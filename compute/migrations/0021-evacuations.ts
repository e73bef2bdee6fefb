import type { Migration } from '../../common/database/migrate.ts';

/** What evacuated servers leave behind is all there is of them until they are whole elsewhere. */
export const keepEvacuated: Migration = {
  name: 'compute/0021-evacuations',
  async up(db) {
    await db.raw(`
      -- What is left of the server at the source is kept, and must not run, until the server is whole elsewhere.
      alter table server_migrations add column source_kept boolean not null default false;
      create index server_migrations_kept on server_migrations (source_host) where source_kept;
    `);
  },
};
