import type { Migration } from '../../common/database/migrate.ts';

/** An engine that is away is no host that is down: its guests run on. */
export const tellAgentsFromEngines: Migration = {
  name: 'compute/0022-signs-of-life',
  async up(db) {
    await db.raw(`
      -- Whether or not its engine answers, of which heartbeat_at tells.
      alter table compute_hosts add column agent_seen_at timestamptz(3) not null default now();
    `);
  },
};
