import type { Knex } from '../../common/database/database.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { getHost, listHosts } from '../hosts/store.ts';
import type { Demand } from './demand.ts';
import { explainNoValidHost, type HostRefusal } from './explain.ts';
import { refusalOf } from './filters.ts';
import type { Scheduling } from './scheduling.ts';
import { weighed } from './weighers.ts';

export type Placement =
  | { host: ComputeHost; reason?: undefined; details?: undefined }
  | { host: undefined; reason: string; details: string };

/**
 * Finds a host with room, inside the caller's transaction. The claim is the guest's own row: it must be inserted with the
 * host's id in the same transaction, which keeps the host locked until then, so that nobody else counts the same room.
 */
export async function claimHost(trx: Knex, demand: Demand, scheduling: Scheduling): Promise<Placement> {
  const refusals: HostRefusal[] = [];
  const fitting: ComputeHost[] = [];
  for (const host of await listHosts(trx)) {
    const refusal = refusalOf(host, demand, scheduling.filters);
    if (refusal) refusals.push({ hostName: host.name, ...refusal });
    else fitting.push(host);
  }
  for (const candidate of inOrder(fitting, demand, scheduling)) {
    const { host, refusal } = await claimOne(trx, candidate.id, demand, scheduling);
    if (host) return { host };
    refusals.push({ hostName: candidate.name, ...refusal });
  }
  return { host: undefined, ...explainNoValidHost(refusals) };
}

/** Counts again under the host's lock. A savepoint, so that a host that turns out full does not stay locked. */
async function claimOne(trx: Knex, hostId: string, demand: Demand, { filters }: Scheduling) {
  const savepoint = await trx.transaction();
  const host = await getHost(savepoint, hostId, { lock: true });
  const refusal = refusalOf(host, demand, filters);
  if (refusal === undefined) {
    await savepoint.commit();
    return { host };
  }
  await savepoint.rollback();
  return { refusal };
}

/**
 * The best first, and any of the equally good ones: concurrent creators that all took the same one would wait for each other.
 * A host whose engine has just stopped to answer is the last resort: engines are restarted, and guests wait for them.
 */
function inOrder(hosts: readonly ComputeHost[], demand: Demand, { weights }: Scheduling): ComputeHost[] {
  const [sound, ailing] = [true, false].map((isSound) =>
    weighed(
      hosts.filter((host) => (host.downDetail === null) === isSound),
      demand,
      weights,
    ),
  ) as [ReturnType<typeof weighed<ComputeHost>>, ReturnType<typeof weighed<ComputeHost>>];
  const ordered = [...sound, ...ailing];
  const best = (sound[0] ?? ailing[0])?.weight;
  const equals = (sound.length > 0 ? sound : ailing).filter(({ weight }) => weight === best).length;
  const [first] = ordered.splice(Math.floor(Math.random() * equals), 1);
  return first ? [first, ...ordered].map(({ host }) => host) : [];
}
