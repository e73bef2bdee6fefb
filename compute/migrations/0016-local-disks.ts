import type { Migration } from '../../common/database/migrate.ts';

/** Disks of servers beside the root disk, which begin empty and end with them: ephemeral ones and swap. */
export const addLocalDisks: Migration = {
  name: 'compute/0016-local-disks',
  async up(db) {
    await db.raw(`
      alter table servers
        -- Of the flavor as it was when the server was made or resized. All of it is kept for the server, asked for or not.
        add column ephemeral_gib integer not null default 0 check (ephemeral_gib >= 0),
        add column swap_mib integer not null default 0 check (swap_mib >= 0),
        add column extra_disk_gib integer not null generated always as (ephemeral_gib + (swap_mib + 1023) / 1024) stored,
        -- What there is of it, in the order in which the guest sees it.
        add column local_disks jsonb not null default '[]',
        -- What the guest is told that its root disk is for.
        add column root_disk_tag text;

      create or replace view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer),
          disk_gib + extra_disk_gib + rescue_disk_gib
            + case when other_host_id is null
                then coalesce((old_flavor->>'diskGib')::integer, 0) + coalesce((old_flavor->>'extraDiskGib')::integer, 0)
                else 0 end
        from servers where move is distinct from 'cold'
        union all
        select id, 'server'::text, project_id, other_host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer),
          disk_gib + extra_disk_gib + rescue_disk_gib
        from servers where move = 'cold'
        union all
        select id, 'container'::text, project_id, host_id, cpus, memory_mib, 0 from containers
        union all
        select id, 'move'::text, project_id, host_id,
          coalesce((old_flavor->>'vcpus')::integer, vcpus)::numeric,
          coalesce((old_flavor->>'memoryMib')::integer, memory_mib),
          coalesce((old_flavor->>'diskGib')::integer + coalesce((old_flavor->>'extraDiskGib')::integer, 0),
            disk_gib + extra_disk_gib)
        from servers where move = 'cold'
        union all
        select id, 'move'::text, project_id, other_host_id,
          coalesce((old_flavor->>'vcpus')::integer, vcpus)::numeric,
          coalesce((old_flavor->>'memoryMib')::integer, memory_mib),
          coalesce((old_flavor->>'diskGib')::integer + coalesce((old_flavor->>'extraDiskGib')::integer, 0),
            disk_gib + extra_disk_gib)
        from servers where other_host_id is not null and move is distinct from 'cold';
    `);
  },
};
