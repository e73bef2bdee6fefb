import type { Knex } from '../../common/database/database.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { getHost, listHosts } from '../hosts/store.ts';
import { explainNoValidHost, type HostRefusal } from './explain.ts';
import { byFreeMemory, type Demand, refusalOf } from './filters.ts';

export type Placement =
  | { host: ComputeHost; reason?: undefined; details?: undefined }
  | { host: undefined; reason: string; details: string };

/**
 * Finds a host with room, inside the caller's transaction. The claim is the guest's own row: it must be inserted with the
 * host's id in the same transaction, which keeps the host locked until then, so that nobody else counts the same room.
 */
export async function claimHost(trx: Knex, demand: Demand): Promise<Placement> {
  const refusals: HostRefusal[] = [];
  const fitting: ComputeHost[] = [];
  for (const host of await listHosts(trx)) {
    const refusal = refusalOf(host, demand);
    if (refusal) refusals.push({ hostName: host.name, ...refusal });
    else fitting.push(host);
  }
  for (const candidate of spread(fitting.sort(byFreeMemory))) {
    const { host, refusal } = await claimOne(trx, candidate.id, demand);
    if (host) return { host };
    refusals.push({ hostName: candidate.name, ...refusal });
  }
  return { host: undefined, ...explainNoValidHost(refusals) };
}

/** Counts again under the host's lock. A savepoint, so that a host that turns out full does not stay locked. */
async function claimOne(trx: Knex, hostId: string, demand: Demand) {
  const savepoint = await trx.transaction();
  const host = await getHost(savepoint, hostId, { lock: true });
  const refusal = refusalOf(host, demand);
  if (refusal === undefined) {
    await savepoint.commit();
    return { host };
  }
  await savepoint.rollback();
  return { refusal };
}

/** Any of the equally good ones first: concurrent creators that all took the same one would wait for each other. */
function spread(hosts: ComputeHost[]): ComputeHost[] {
  const equals = hosts.findIndex((host) => byFreeMemory(hosts[0] as ComputeHost, host) !== 0);
  const [first] = hosts.splice(Math.floor(Math.random() * (equals < 0 ? hosts.length : equals)), 1);
  return first ? [first, ...hosts] : hosts;
}
