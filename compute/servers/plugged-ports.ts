/** What is plugged into servers on their host, and what should be. Ports come and go in the network service, too. */
import type { Knex } from '../../common/database/database.ts';
import { attachedPortIds } from '../../network/interfaces.ts';

/** Whether the host has seen to the ports that the server has now. */
export async function hasItsPorts(db: Knex, id: string): Promise<boolean> {
  return (await withOtherPorts(db, db('servers').where({ id }))).length === 0;
}

/** The settled servers of one host that have other ports than were plugged. */
export async function listWithOtherPorts(db: Knex, hostName: string): Promise<string[]> {
  const ofHost = db('servers')
    .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
    .where('compute_hosts.name', hostName)
    .whereRaw('settled_revision = revision and not is_faulty');
  return withOtherPorts(db, ofHost);
}

/** Beside `settleServer`, in one transaction. */
export async function rememberPorts(trx: Knex, id: string, portIds: readonly string[]): Promise<void> {
  await trx('servers').where({ id }).update({ observed_ports: portIds.toSorted() });
}

async function withOtherPorts(db: Knex, servers: Knex.QueryBuilder): Promise<string[]> {
  const rows: { id: string; observed_ports: string[] }[] = await servers
    .whereNotNull('observed_ports')
    .select('servers.id', 'servers.observed_ports');
  const wanted = await attachedPortIds(
    db,
    rows.map((row) => row.id),
  );
  return rows.filter((row) => (wanted.get(row.id) ?? []).join() !== row.observed_ports.join()).map((row) => row.id);
}
