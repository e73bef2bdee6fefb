import type { Migration } from '../../common/database/migrate.ts';

/** An administrator knows that a host is down before its silence shows it; `uptime` is what the host last told. */
export const addForcedDown: Migration = {
  name: 'compute/0009-forced-down',
  async up(db) {
    await db.raw(`
      alter table compute_hosts
        add column is_forced_down boolean not null default false,
        add column uptime text;
    `);
  },
};
