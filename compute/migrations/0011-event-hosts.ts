import type { Migration } from '../../common/database/migrate.ts';

/** Where a step of an action was taken. */
export const addEventHosts: Migration = {
  name: 'compute/0011-event-hosts',
  async up(db) {
    await db.raw('alter table server_action_events add column host_name text');
  },
};
