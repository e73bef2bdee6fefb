import type { Migration } from '../../common/database/migrate.ts';

/** Times have milliseconds, as JavaScript's do: a marker read and given back has to compare equal. */
export const createCompute: Migration = {
  name: 'compute/0001-compute',
  async up(db) {
    await db.raw(`
      create table compute_hosts (
        id uuid primary key default gen_random_uuid(),
        number integer not null unique generated always as identity,
        name text not null unique,
        address text not null,
        vcpus integer not null check (vcpus > 0),
        memory_mib integer not null check (memory_mib > 0),
        disk_gib integer not null check (disk_gib >= 0),
        hypervisor_type text not null,
        hypervisor_version integer not null,
        virtualisation text not null,
        cpu_model text not null,
        architecture text not null,
        engine_fault text,
        heartbeat_at timestamptz(3) not null default now(),
        is_disabled boolean not null default false,
        disabled_reason text,
        created_at timestamptz(3) not null default now()
      );

      create table flavors (
        id text primary key check (length(id) between 1 and 255),
        name text not null unique,
        vcpus integer not null check (vcpus > 0),
        memory_mib integer not null check (memory_mib > 0),
        disk_gib integer not null check (disk_gib >= 0),
        rxtx_factor double precision not null default 1,
        is_public boolean not null default true,
        created_at timestamptz(3) not null default now()
      );
      create table flavor_access (
        flavor_id text not null references flavors on delete cascade,
        project_id text not null,
        primary key (flavor_id, project_id)
      );

      create table keypairs (
        number integer primary key generated always as identity,
        user_id text not null,
        name text not null,
        public_key text not null,
        fingerprint text not null,
        created_at timestamptz(3) not null default now(),
        unique (user_id, name)
      );

      create table servers (
        id uuid primary key default gen_random_uuid(),
        project_id text not null,
        user_id text not null,
        name text not null,
        hostname text not null,
        flavor_id text not null,
        vcpus integer not null check (vcpus > 0),
        memory_mib integer not null check (memory_mib > 0),
        disk_gib integer not null check (disk_gib >= 0),
        image_id uuid not null,
        image_format text not null check (image_format in ('raw', 'qcow2')),
        key_name text,
        metadata jsonb not null default '{}',
        availability_zone text,
        access_ipv4 text not null default '',
        access_ipv6 text not null default '',
        disk_config text not null default 'MANUAL' check (disk_config in ('AUTO', 'MANUAL')),
        reservation_id text not null,
        launch_index integer not null default 0,
        host_id uuid references compute_hosts,
        unplaced_reason text,
        unplaced_details text,
        wanted_power text not null default 'running' check (wanted_power in ('running', 'shutdown')),
        deletion_requested_at timestamptz(3),
        revision integer not null default 1,
        settled_revision integer not null default 0 check (settled_revision <= revision),
        observed_power text check (observed_power in ('running', 'paused', 'shutdown', 'crashed')),
        stopped_itself_at_revision integer,
        fault_message text,
        fault_details text,
        fault_at timestamptz(3),
        is_faulty boolean not null default false,
        failing_since timestamptz(3),
        launched_at timestamptz(3),
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        check ((host_id is null) = (unplaced_reason is not null)),
        check (not is_faulty or fault_message is not null)
      );
      create index servers_of_project on servers (project_id, created_at desc, id desc);
      create index servers_by_age on servers (created_at desc, id desc);
      create index servers_on_host on servers (host_id);
      create index servers_unsettled on servers (host_id, updated_at)
        where settled_revision < revision or deletion_requested_at is not null;

      create table server_boot_data (
        server_id uuid primary key references servers on delete cascade,
        user_data text,
        public_key text,
        random_seed text not null
      );

      create table server_actions (
        number bigint primary key generated always as identity,
        server_id uuid not null references servers on delete cascade,
        action text not null,
        parameters jsonb not null default '{}',
        request_id text not null,
        user_id text,
        project_id text,
        revision integer not null,
        message text,
        started_at timestamptz(3) not null default now(),
        finished_at timestamptz(3),
        updated_at timestamptz(3) not null default now()
      );
      create index server_actions_of_server on server_actions (server_id, number);
      create index server_actions_unfinished on server_actions (server_id, number) where finished_at is null;
      create table server_action_events (
        action_number bigint not null references server_actions on delete cascade,
        event text not null,
        started_at timestamptz(3) not null,
        finished_at timestamptz(3),
        result text check (result in ('Success', 'Error')),
        traceback text,
        primary key (action_number, event)
      );

      create table host_calls (
        id uuid primary key default gen_random_uuid(),
        host_id uuid not null references compute_hosts,
        method text not null,
        arguments jsonb not null,
        created_at timestamptz(3) not null default now(),
        answered_at timestamptz(3),
        answer jsonb,
        error text
      );
      create index host_calls_unanswered on host_calls (host_id, created_at) where answered_at is null;

      -- What guests take from hosts and quotas, whatever kind they are: scheduling and limits count these rows and nothing else.
      create view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id, vcpus::numeric, memory_mib, disk_gib from servers;
    `);
  },
};
