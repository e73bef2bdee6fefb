import type { Migration } from '../../common/database/migrate.ts';

/** What the agent of a host promises, and may be relied on for. */
export const addLeases: Migration = {
  name: 'compute/0021-leases',
  async up(db) {
    await db.raw(`
      alter table compute_hosts
        -- Not heard of for so long it is down: as its agent is configured, so that all processes agree.
        add column down_after_seconds integer not null default 30,
        -- Of the start of the host that its agent has seen last.
        add column boot_id text,
        -- Its guests do not outlive that time by much: something on it sees to that, whether or not the agent lives.
        add column is_fenced boolean not null default false;
    `);
  },
};
