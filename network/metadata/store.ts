import type { Knex } from '../../common/database/database.ts';
import type { MetadataDoor } from './driver.ts';

/** The networks that have guests on the host. */
export async function doorsOfHost(db: Knex, hostName: string): Promise<MetadataDoor[]> {
  const rows = await guestNetworks(db, hostName);
  return rows.map(({ id, mtu }: { id: string; mtu: number }) => ({ networkId: id, mtu }));
}

/** Undefined for a network that has no guests there. */
export async function doorOfNetwork(db: Knex, hostName: string, networkId: string): Promise<MetadataDoor | undefined> {
  const row = await guestNetworks(db, hostName).where('n.id', networkId).first();
  return row && { networkId: row.id, mtu: row.mtu };
}

function guestNetworks(db: Knex, hostName: string): Knex.QueryBuilder {
  const guests = db('ports')
    .where({ host_name: hostName })
    .whereNotNull('attached_to')
    .whereNull('deletion_requested_at');
  return db('networks as n').whereIn('n.id', guests.select('network_id')).select('n.id', 'n.mtu').orderBy('n.id');
}
