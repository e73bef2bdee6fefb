import type { Knex } from '../../common/database/database.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { getHost, getHosts, listHosts, lockFirstFree } from '../hosts/store.ts';
import { resources } from './capacity.ts';
import type { Demand } from './demand.ts';
import { explainNoValidHost, type HostRefusal } from './explain.ts';
import { freeOf, type Refusal, refusalOf } from './filters.ts';
import { hasManyHosts, hostsWithRoom, writeRoom } from './room.ts';
import type { Scheduling } from './scheduling.ts';
import { weighed } from './weighers.ts';

export type Placement =
  | { host: ComputeHost; reason?: undefined; details?: undefined }
  | { host: undefined; reason: string; details: string };

/**
 * Finds a host with room, inside the caller's transaction. The claim is the guest's own row: it must be inserted with the
 * host's id in the same transaction, which keeps the host locked until then, so that nobody else counts the same room.
 *
 * Of many hosts a few are asked that seem to have most room; only when none of them takes it, and for the explanation, all.
 */
export async function claimHost(trx: Knex, demand: Demand, scheduling: Scheduling): Promise<Placement> {
  const areMany = await hasManyHosts(trx);
  const host = areMany ? await claimAmongBest(trx, demand, scheduling) : undefined;
  return host === undefined ? claimAmongAll(trx, demand, scheduling, { areMany }) : { host };
}

/** Mostly the best takes it; only when it does not, the others are looked at before they are locked. */
async function claimAmongBest(trx: Knex, demand: Demand, scheduling: Scheduling): Promise<ComputeHost | undefined> {
  const ids = await candidates(trx, demand, scheduling);
  if (ids.length === 0) return undefined;
  const first = await claimFirstFree(trx, ids, demand, scheduling);
  if (first.host) return first.host;
  const others = await getHosts(
    trx,
    ids.filter((id) => id !== first.id),
  );
  const fitting = others.filter((host) => refusalOf(host, demand, scheduling) === undefined);
  const left = inOrder(fitting, demand, scheduling).map(({ id }) => id);
  while (left.length > 0) {
    const { id, host } = await claimFirstFree(trx, left, demand, scheduling);
    if (host) return host;
    left.splice(left.indexOf(id), 1);
  }
  return undefined;
}

/** Passes over hosts that others are claiming just now, rather than to wait for them, unless all are. */
function claimFirstFree(trx: Knex, ids: readonly string[], demand: Demand, scheduling: Scheduling) {
  return inSavepoint(trx, async (savepoint) => {
    const free = await lockFirstFree(savepoint, ids);
    const id = free ?? (ids[0] as string);
    return { id, ...(await claimOne(savepoint, id, demand, scheduling, { isLocked: free !== undefined })) };
  });
}

/** What a server group and hints leave is asked for first; of the rest, those with most room. */
async function candidates(trx: Knex, demand: Demand, { weights }: Scheduling): Promise<string[]> {
  const { group, sameHostIds, differentHostIds } = demand;
  const most = [...(group?.guestsByHost ?? [])].sort(([, a], [, b]) => b - a);
  const ofGroup = most.map(([id]) => id);
  const except = [...(differentHostIds ?? [])];
  const find = async (only: readonly string[] | null, without: readonly string[] = []) =>
    hostsWithRoom(trx, demand, weights, { only, except: [...except, ...without] });
  const only = sameHostIds === undefined ? null : [...sameHostIds];
  if (group === undefined || ofGroup.length === 0) return find(only);
  if (group.policy === 'affinity') return find(ofGroup.filter((id) => sameHostIds?.has(id) ?? true));
  if (group.policy === 'anti-affinity')
    return find(
      only,
      ofGroup.filter((id) => (group.guestsByHost.get(id) ?? 0) >= group.mostPerHost),
    );
  const [near, far] = [new Set(await find(ofGroup)), await find(only, ofGroup)];
  const nearest = ofGroup.filter((id) => near.has(id));
  return group.policy === 'soft-affinity' ? [...nearest, ...far] : [...far, ...nearest.reverse()];
}

async function claimAmongAll(
  trx: Knex,
  demand: Demand,
  scheduling: Scheduling,
  { areMany }: { areMany: boolean },
): Promise<Placement> {
  const refusals: HostRefusal[] = [];
  const fitting: ComputeHost[] = [];
  for (const host of await listHosts(trx)) {
    const refusal = refusalOf(host, demand, scheduling);
    if (refusal) refusals.push({ hostName: host.name, ...refusal });
    else fitting.push(host);
  }
  for (const { id, name: hostName } of inOrder(fitting, demand, scheduling)) {
    const { host, refusal } = await inSavepoint(trx, (savepoint) =>
      claimOne(savepoint, id, demand, scheduling, { isHinted: areMany }),
    );
    if (host) return { host };
    refusals.push({ hostName, ...refusal });
  }
  const why = explainNoValidHost(refusals);
  scheduling.noValidHost?.({ ...why, projectId: demand.projectId });
  return { host: undefined, ...why };
}

type Claim = { host: ComputeHost; refusal?: undefined } | { host: undefined; refusal: Refusal };

/** Counts again under the host's lock. */
async function claimOne(
  trx: Knex,
  hostId: string,
  demand: Demand,
  scheduling: Scheduling,
  { isLocked = false, isHinted = true } = {},
): Promise<Claim> {
  const host = await getHost(trx, hostId, { lock: !isLocked });
  const refusal = refusalOf(host, demand, scheduling);
  if (refusal !== undefined) return { host: undefined, refusal };
  if (!isHinted) return { host }; // of few hosts nobody asks what is left of them but by counting
  const left = resources.map((resource) => [
    resource,
    freeOf(host, scheduling.allocation, resource) - demand[resource],
  ]);
  await writeRoom(trx, hostId, Object.fromEntries(left));
  return { host };
}

/** A host that turns out full does not stay locked. */
async function inSavepoint<T extends { host: ComputeHost | undefined }>(
  trx: Knex,
  work: (savepoint: Knex) => Promise<T>,
): Promise<T> {
  const savepoint = await trx.transaction();
  try {
    const outcome = await work(savepoint);
    await (outcome.host ? savepoint.commit() : savepoint.rollback());
    return outcome;
  } catch (error) {
    await savepoint.rollback();
    throw error;
  }
}

/**
 * The best first, and any of the equally good ones: concurrent creators that all took the same one would wait for each other.
 * A host whose engine has just stopped to answer is the last resort: engines are restarted, and guests wait for them.
 */
function inOrder(hosts: readonly ComputeHost[], demand: Demand, scheduling: Scheduling): ComputeHost[] {
  const [sound, ailing] = [true, false].map((isSound) =>
    weighed(
      hosts.filter((host) => (host.downDetail === null) === isSound),
      demand,
      scheduling,
    ),
  ) as [ReturnType<typeof weighed<ComputeHost>>, ReturnType<typeof weighed<ComputeHost>>];
  const ordered = [...sound, ...ailing];
  const best = (sound[0] ?? ailing[0])?.weight;
  const equals = (sound.length > 0 ? sound : ailing).filter(({ weight }) => weight === best).length;
  const [first] = ordered.splice(Math.floor(Math.random() * equals), 1);
  return first ? [first, ...ordered].map(({ host }) => host) : [];
}
