import type { Migration } from '../../common/database/migrate.ts';

/**
 * Groups of hosts. What `availability_zone` says in an aggregate's metadata is the zone of its hosts; that a host is in one zone
 * only is what aggregates/operations.ts keeps, one change after the other.
 */
export const createAggregates: Migration = {
  name: 'compute/0008-aggregates',
  async up(db) {
    await db.raw(`
      create table compute_aggregates (
        number integer primary key generated always as identity,
        id uuid not null unique default gen_random_uuid(),
        name text not null unique,
        metadata jsonb not null default '{}',
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3)
      );
      create table compute_aggregate_hosts (
        aggregate_number integer not null references compute_aggregates on delete cascade,
        host_id uuid not null references compute_hosts on delete cascade,
        primary key (aggregate_number, host_id)
      );
      create index compute_aggregate_hosts_by_host on compute_aggregate_hosts (host_id);
    `);
  },
};
