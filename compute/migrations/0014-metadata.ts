import type { Migration } from '../../common/database/migrate.ts';

/** Servers may be told about themselves by the metadata service in place of a config drive, and tell a password by it. */
export const addMetadata: Migration = {
  name: 'compute/0014-metadata',
  async up(db) {
    await db.raw(`
      -- Every server that was made before has one.
      alter table servers add column config_drive boolean not null default true;
      alter table servers alter column config_drive set default false;
      alter table server_boot_data
        add column password text check (octet_length(password) between 1 and 1020),
        -- What vendors answered when its config drive was made; null before that.
        add column vendor_data jsonb;
    `);
  },
};
