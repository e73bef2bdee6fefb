import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { isUuid } from '../../common/ids.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { MetadataDoor, MetadataDriver } from './driver.ts';
import { doorOfNetwork, doorsOfHost } from './store.ts';

const name = 'metadata-doors';

/** To be told when a guest came to a network, or left it. */
export const wakeDoor = (db: Knex, networkId: string) => notify(db, name, networkId);

/** A network has a door to metadata on this host for as long as it has guests here. */
export function metadataDoorReconciler({
  db,
  driver,
  hostName,
}: {
  db: Knex;
  driver: MetadataDriver;
  hostName: string;
}): Reconciler {
  const closedOf = (doors: MetadataDoor[]) =>
    doors.filter((door) => !driver.isOpen(door)).map(({ networkId }) => networkId);
  return {
    name,
    async pending(limit) {
      const doors = await doorsOfHost(db, hostName);
      return [...closedOf(doors), ...withoutGuests(driver.answered(), doors)].slice(0, limit);
    },
    async reconcile(networkId) {
      const door = isUuid(networkId) ? await doorOfNetwork(db, hostName, networkId) : undefined;
      if (door === undefined) await driver.remove(networkId);
      else await driver.open(door);
    },
    /** What is here of networks without guests, and what is not as it should be. */
    async sweep() {
      const there = await driver.list(); // first: a door that came after it is not taken for one that nobody needs
      const doors = await doorsOfHost(db, hostName);
      return [...closedOf(doors), ...withoutGuests(there, doors)];
    },
  };
}

function withoutGuests(networkIds: string[], doors: MetadataDoor[]): string[] {
  const wanted = new Set(doors.map(({ networkId }) => networkId));
  return networkIds.filter((id) => !wanted.has(id));
}
