import type { Migration } from '../../common/database/migrate.ts';

/** Servers whose processors and memory change while they run. */
export const addLiveResize: Migration = {
  name: 'compute/0015-live-resize',
  async up(db) {
    await db.raw(`
      alter table servers
        -- What the guest can become, as it is defined on its host; null: only what it is.
        add column live_limits jsonb,
        -- The flavors it is on its way from and to. Until it has arrived the row claims the larger of both.
        add column live_resize jsonb;
    `);
  },
};
