import type { Migration } from '../../common/database/migrate.ts';

/** The network and router that a project was given because it asked for whichever. */
export const createAutoAllocatedTopologies: Migration = {
  name: 'network/0003-auto-allocated-topology',
  async up(db) {
    await db.raw(`
      alter table networks
        add column is_default boolean not null default false,
        add check (external or not is_default);
      create unique index networks_default_key on networks ((true)) where is_default and deletion_requested_at is null;

      -- What was deleted since leaves its row: the next who asks gets another.
      create table auto_allocated_topologies (
        project_id text primary key,
        network_id uuid not null,
        router_id uuid not null,
        created_at timestamptz(3) not null default now());
    `);
  },
};
