import type { Migration } from '../../common/database/migrate.ts';

/**
 * How much room hosts have, for finding those worth asking among thousands without counting the claims of all; what an
 * administrator says of their inventories and traits; and the names of traits and resource classes that administrators made.
 */
export const countRoomOfHosts: Migration = {
  name: 'compute/0018-room-of-hosts',
  async up(db) {
    await db.raw(`
      alter table compute_hosts
        -- As last counted (scheduler/room.ts); null until then. Where guests are placed is decided by counting again.
        add column free_vcpus double precision,
        add column free_memory_mib double precision,
        add column free_disk_gib double precision,
        -- Null: as the settings say.
        add column vcpu_ratio double precision check (vcpu_ratio > 0),
        add column memory_ratio double precision check (memory_ratio > 0),
        add column disk_ratio double precision check (disk_ratio > 0),
        add column reserved_vcpus integer check (reserved_vcpus >= 0),
        add column reserved_memory_mib integer check (reserved_memory_mib >= 0),
        add column reserved_disk_gib integer check (reserved_disk_gib >= 0),
        -- Those that administrators gave it, beside what it says of itself.
        add column traits text[] not null default '{}',
        -- Grows with every change that an administrator makes through Placement.
        add column placement_generation integer not null default 0;
      create index compute_hosts_by_room on compute_hosts (free_memory_mib desc)
        where not is_disabled and not is_forced_down;

      create table placement_traits (
        name text primary key check (name ~ '^CUSTOM_[A-Z0-9_]+$' and length(name) <= 255),
        created_at timestamptz(3) not null default now()
      );
      create table placement_resource_classes (
        name text primary key check (name ~ '^CUSTOM_[A-Z0-9_]+$' and length(name) <= 255),
        created_at timestamptz(3) not null default now()
      );
    `);
  },
};
