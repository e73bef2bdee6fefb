import type { Migration } from '../../common/database/migrate.ts';

/** Servers that are kept as images: first with their disk still on the host, then without a host. */
export const addShelving: Migration = {
  name: 'compute/0015-shelving',
  async up(db) {
    await db.raw(`
      alter table servers
        -- Since when it is to give up its host, too.
        add column offload_requested_at timestamptz(3),
        -- It is shut down, and everything on its disk is in its image.
        add column observed_shelved boolean not null default false,
        add check (offload_requested_at is null or shelved_at is not null),
        -- The one that holds since the fourth migration lets shelved servers be without a host; this one never did.
        drop constraint servers_check1,
        -- The fourth dropped that in its place.
        add constraint servers_settled_revision_check check (settled_revision <= revision);
      create index servers_shelved on servers (host_id, shelved_at)
        where shelved_at is not null and offload_requested_at is null;
    `);
  },
};
