import type { Migration } from '../../common/database/migrate.ts';

/** What a server's host last plugged into it: by that a port that went away unasked is noticed. */
export const addPluggedPorts: Migration = {
  name: 'compute/0016-plugged-ports',
  async up(db) {
    await db.raw('alter table servers add column observed_ports text[]');
  },
};
