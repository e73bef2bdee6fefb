/**
 * What is plugged into servers on their host, and what should be. Ports come and go in the network service, too. What was
 * plugged is written by `settleServer`; of a server that was settled before that was kept, nothing is known.
 */
import type { Knex } from '../../common/database/database.ts';
import { attachedPortIds, selectAttachedPortIds } from '../../network/interfaces.ts';

/** Whether the host has seen to the ports that the server has now. */
export async function hasItsPorts(db: Knex, id: string): Promise<boolean> {
  const other = await db('servers')
    .where({ id })
    .whereRaw('observed_ports <> array(?)', [selectAttachedPortIds(db, id)])
    .first('id');
  return other === undefined;
}

/** The settled servers of one host that have other ports than were plugged. */
export async function listWithOtherPorts(db: Knex, hostName: string): Promise<string[]> {
  const rows: { id: string; observed_ports: string[] }[] = await db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .whereRaw('settled_revision = revision and not is_faulty')
    .whereNotNull('observed_ports')
    .select('servers.id', 'servers.observed_ports');
  const wanted = await attachedPortIds(
    db,
    rows.map((row) => row.id),
  );
  return rows.filter((row) => (wanted.get(row.id) ?? []).join() !== row.observed_ports.join()).map((row) => row.id);
}
