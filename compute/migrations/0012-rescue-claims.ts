import type { Migration } from '../../common/database/migrate.ts';

/** The disk that a server is rescued from takes room on its host, beside its own. */
export const claimRescueDisks: Migration = {
  name: 'compute/0012-rescue-claims',
  async up(db) {
    await db.raw(`
      alter table servers
        -- As large as the image that it is made of; 0 when the server is not rescued.
        add column rescue_disk_gib integer not null default 0 check (rescue_disk_gib >= 0);
      update servers set rescue_disk_gib = disk_gib where rescue_image_id is not null;

      create or replace view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer),
          disk_gib + coalesce((old_flavor->>'diskGib')::integer, 0) + rescue_disk_gib
        from servers
        union all
        select id, 'container'::text, project_id, host_id, cpus, memory_mib, 0 from containers;
    `);
  },
};
