import type { Migration } from '../../common/database/migrate.ts';

/** What servers can be beside running and shut down, and what was asked of them to get there. */
export const addServerStates: Migration = {
  name: 'compute/0004-server-states',
  async up(db) {
    await db.raw(`
      alter table servers
        add column description text,
        add column tags text[] not null default '{}',
        add column locked_by text check (locked_by in ('owner', 'admin')),
        add column locked_reason text,
        -- Of the flavor as it was when the server was made or resized.
        add column flavor_name text not null default '',
        add column flavor_extra_specs jsonb not null default '{}',
        -- What the root disk stands on: the image that was asked for, or the one that a shelved server was kept in.
        add column disk_image_id uuid,
        add column disk_image_format text check (disk_image_format in ('raw', 'qcow2')),
        -- The revision that asked for this disk. Another number is another disk: of an image, or a copy of an older one.
        add column disk_generation integer not null default 1,
        add column disk_copied_from integer,
        add column observed_disk_generation integer,
        add column rescue_image_id uuid,
        add column rescue_image_format text check (rescue_image_format in ('raw', 'qcow2')),
        add column observed_rescue boolean not null default false,
        -- From the wish to resize until it is confirmed or reverted: what the server was before.
        add column old_flavor jsonb,
        add column soft_deleted_at timestamptz(3),
        add column marked_error_at timestamptz(3),
        add column shelved_at timestamptz(3),
        add column shelve_image_id uuid;
      update servers set disk_image_id = image_id, disk_image_format = image_format, -- what it stood on so far
        observed_disk_generation = case when observed_power is not null then 1 end,
        flavor_name = coalesce((select name from flavors where flavors.id = servers.flavor_id), '');
      alter table servers
        alter column disk_image_id set not null,
        alter column disk_image_format set not null,
        drop column image_format,
        drop constraint servers_wanted_power_check,
        add check (wanted_power in ('running', 'paused', 'suspended', 'shutdown')),
        drop constraint servers_observed_power_check,
        add check (observed_power in ('running', 'paused', 'suspended', 'shutdown', 'crashed')),
        drop constraint servers_check,
        -- A shelved server gives up its host; any other without one has found none.
        add check (host_id is not null or unplaced_reason is not null or shelved_at is not null),
        add check (host_id is null or unplaced_reason is null),
        add check ((rescue_image_id is null) = (rescue_image_format is null)),
        add check (shelved_at is null or shelve_image_id is not null),
        add check (locked_reason is null or locked_by is not null);
      alter table server_boot_data
        -- For the first boot only: forgotten once the server runs.
        add column admin_password text,
        add column personality jsonb not null default '[]';
      create index servers_with_tags on servers using gin (tags);
      create index servers_soft_deleted on servers (soft_deleted_at) where soft_deleted_at is not null;

      -- Both flavors of a server that is being resized are kept for it: it can go either way.
      create or replace view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer),
          disk_gib + coalesce((old_flavor->>'diskGib')::integer, 0)
        from servers
        union all
        select id, 'container'::text, project_id, host_id, cpus, memory_mib, 0 from containers;

      -- What was done to a server outlives it for a while.
      create table deleted_servers (
        id uuid primary key,
        project_id text not null,
        deleted_at timestamptz(3) not null default now()
      );
      create index deleted_servers_by_age on deleted_servers (deleted_at);
      alter table server_actions drop constraint server_actions_server_id_fkey;
    `);
  },
};
