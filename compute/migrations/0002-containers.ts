import type { Migration } from '../../common/database/migrate.ts';

/** Containers claim hosts and quotas as servers do: by their rows, through the same view. */
export const createContainers: Migration = {
  name: 'compute/0002-containers',
  async up(db) {
    await db.raw(`
      create table containers (
        id uuid primary key default gen_random_uuid(),
        number bigint not null unique generated always as identity,
        project_id text not null,
        user_id text not null,
        name text not null,
        hostname text not null,
        image_ref text not null,
        image_id uuid not null,
        command jsonb,
        environment jsonb not null default '{}',
        working_directory text,
        labels jsonb not null default '{}',
        cpus numeric not null check (cpus > 0),
        memory_mib integer not null check (memory_mib > 0),
        is_interactive boolean not null default false,
        has_tty boolean not null default false,
        image_pull_policy text,
        restart_policy text not null default 'no' check (restart_policy in ('no', 'always', 'on-failure', 'unless-stopped')),
        maximum_retries integer not null default 0 check (maximum_retries >= 0),
        is_auto_removed boolean not null default false,
        availability_zone text,
        host_id uuid references compute_hosts,
        unplaced_reason text,
        unplaced_details text,
        wanted_power text not null check (wanted_power in ('running', 'shutdown')),
        stop_grace_seconds integer not null default 10 check (stop_grace_seconds between 0 and 300),
        reboot_revision integer not null default 0,
        deletion_requested_at timestamptz(3),
        stops_before_deletion boolean not null default false,
        revision integer not null default 1,
        settled_revision integer not null default 0 check (settled_revision <= revision),
        observed_power text check (observed_power in ('running', 'paused', 'shutdown', 'crashed')),
        observed_exit_code integer,
        observed_command jsonb,
        observed_since timestamptz(3),
        launched_at timestamptz(3),
        ended_at_revision integer,
        rebooted_revision integer not null default 0,
        restarts integer not null default 0,
        restart_at timestamptz(3),
        fault_message text,
        fault_details text,
        is_faulty boolean not null default false,
        failing_since timestamptz(3),
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        check ((host_id is null) = (unplaced_reason is not null)),
        check (not is_faulty or fault_message is not null),
        check (restart_policy = 'no' or not is_auto_removed)
      );
      create index containers_of_project on containers (project_id, number);
      create index containers_by_name on containers (project_id, name);
      create index containers_on_host on containers (host_id);
      create index containers_unsettled on containers (host_id, updated_at)
        where settled_revision < revision or deletion_requested_at is not null or failing_since is not null
          or restart_at is not null;

      create or replace view compute_claims (id, kind, project_id, host_id, vcpus, memory_mib, disk_gib) as
        select id, 'server'::text, project_id, host_id, vcpus::numeric, memory_mib, disk_gib from servers
        union all
        select id, 'container'::text, project_id, host_id, cpus, memory_mib, 0 from containers;

      -- A question is put to the host once: running a command again is not the same as running it.
      alter table host_calls add column taken_at timestamptz(3);
    `);
  },
};
