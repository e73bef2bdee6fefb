import type { Migration } from '../../common/database/migrate.ts';

/** What a guest is told about a port of its, so that it knows what it is for. It goes when the port is taken from the guest. */
export const addDeviceTags: Migration = {
  name: 'network/0002-device-tags',
  async up(db) {
    await db.raw(`
      alter table ports
        add column device_tag text,
        add check (device_tag is null or attached_to is not null);
    `);
  },
};
