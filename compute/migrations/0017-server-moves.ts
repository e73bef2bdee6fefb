import type { Migration } from '../../common/database/migrate.ts';

/**
 * Servers that go from one host to another. A server has one owner at any time, `host_id`; the other host of its move holds
 * room for it, and what is to be cleared there outlives the server in the row of the move.
 */
export const createServerMoves: Migration = {
  name: 'compute/0017-server-moves',
  async up(db) {
    await db.raw(`
      -- Where servers of other hosts come in, HOST:PORT; null of a host that takes none.
      alter table compute_hosts add column migration_address text;

      alter table servers
        -- Where it goes; once it is there, where it came from, until that is confirmed or reverted.
        add column other_host_id uuid references compute_hosts,
        -- cold: its owner shuts it down and hands it over. live: it goes while it runs. back: it is handed back.
        add column move text check (move in ('cold', 'live', 'back')),
        add check (move is null or other_host_id is not null),
        add check (other_host_id is null or host_id is not null),
        add check (other_host_id <> host_id);
      create index servers_on_other_host on servers (other_host_id) where other_host_id is not null;
      create index servers_leaving_host on servers (host_id) where move = 'cold';
      create index servers_leaving_of_project on servers (project_id) where move = 'cold';
      create index servers_on_two_hosts_of_project on servers (project_id) where other_host_id is not null;

      create table server_migrations (
        number integer primary key generated always as identity,
        id uuid not null unique default gen_random_uuid(),
        server_id uuid not null,
        kind text not null check (kind in ('migration', 'resize', 'live-migration', 'evacuation')),
        status text not null check (status in ('queued', 'preparing', 'running', 'pre-migrating', 'migrating', 'post-migrating',
          'finished', 'reverting', 'confirmed', 'reverted', 'accepted', 'done', 'completed', 'cancelled', 'error')),
        -- Who asked; null when the cloud did by itself.
        user_id text,
        project_id text,
        -- By name: hosts may be forgotten.
        source_host text not null,
        destination_host text not null,
        -- What is left of the server there is to be removed.
        source_to_clear boolean not null default false,
        destination_to_clear boolean not null default false,
        abort_requested_at timestamptz(3),
        force_requested_at timestamptz(3),
        progress jsonb,
        -- Why nothing came of it.
        reason text,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now()
      );
      create index server_migrations_of_server on server_migrations (server_id, number);
      create index server_migrations_by_age on server_migrations (created_at desc, number desc);
      create index server_migrations_of_source on server_migrations (source_host)
        where source_to_clear or status in ('queued', 'preparing', 'running');
      create index server_migrations_of_destination on server_migrations (destination_host) where destination_to_clear;
      -- A server is on one way at a time; what waits to be confirmed is over otherwise.
      create unique index server_migrations_under_way on server_migrations (server_id)
        where status in ('queued', 'preparing', 'running', 'pre-migrating', 'migrating', 'post-migrating', 'finished', 'reverting', 'accepted');

      -- A server on its way claims both hosts, with the size that it has on each; quotas count it once.
      -- One branch for each column that it takes a host from, so that hosts are found by an index.
      create or replace view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer),
          disk_gib + rescue_disk_gib
            + case when other_host_id is null then coalesce((old_flavor->>'diskGib')::integer, 0) else 0 end
        from servers where move is distinct from 'cold'
        union all
        select id, 'server'::text, project_id, other_host_id,
          greatest(vcpus, (old_flavor->>'vcpus')::integer)::numeric,
          greatest(memory_mib, (old_flavor->>'memoryMib')::integer), disk_gib + rescue_disk_gib
        from servers where move = 'cold'
        union all
        select id, 'container'::text, project_id, host_id, cpus, memory_mib, 0 from containers
        union all
        select id, 'move'::text, project_id, host_id,
          coalesce((old_flavor->>'vcpus')::integer, vcpus)::numeric,
          coalesce((old_flavor->>'memoryMib')::integer, memory_mib),
          coalesce((old_flavor->>'diskGib')::integer, disk_gib)
        from servers where move = 'cold'
        union all
        select id, 'move'::text, project_id, other_host_id,
          coalesce((old_flavor->>'vcpus')::integer, vcpus)::numeric,
          coalesce((old_flavor->>'memoryMib')::integer, memory_mib),
          coalesce((old_flavor->>'diskGib')::integer, disk_gib)
        from servers where other_host_id is not null and move is distinct from 'cold';
    `);
  },
};
