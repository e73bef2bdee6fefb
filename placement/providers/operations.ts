/** What administrators may say of a host through Placement. What a host is made of, only its agent says. */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import type { Allocation, Resource } from '../../compute/scheduler/capacity.ts';
import { countRoom } from '../../compute/scheduler/room.ts';
import { ownTraits } from '../../compute/scheduler/traits.ts';
import { requireTraits } from '../names/names.ts';
import { hostClasses, inventories, isHostClass, type Provider, resourceOf } from './provider.ts';
import { getProvider, lockProvider } from './store.ts';

/** Somebody else has changed it since the caller looked. */
export class ConcurrentUpdate extends Conflict {}

export interface AskedInventory {
  total: number;
  reserved?: number;
  allocation_ratio?: number;
  min_unit?: number;
  max_unit?: number;
  step_size?: number;
}

const ratioColumns = { vcpus: 'vcpu_ratio', memoryMib: 'memory_ratio', diskGib: 'disk_ratio' } as const;
const reservedColumns = {
  vcpus: 'reserved_vcpus',
  memoryMib: 'reserved_memory_mib',
  diskGib: 'reserved_disk_gib',
} as const satisfies Record<Resource, string>;

/**
 * Sets how much of a host is kept and how often the rest is promised, at once for the scheduler. `isAll`: these are all its
 * inventories. Throws `ConcurrentUpdate`, and `Conflict` where the host would be told what it has.
 */
export async function setInventories(
  db: Knex,
  id: string,
  generation: number,
  asked: Readonly<Record<string, AskedInventory>>,
  { allocation, isAll, mayReserveAll }: { allocation: Allocation; isAll: boolean; mayReserveAll: boolean },
): Promise<Provider> {
  return db.transaction(async (trx) => {
    const provider = await lockProvider(trx, id);
    requireGeneration(provider, generation);
    const there = inventories(provider, allocation);
    const missing = hostClasses.filter((name) => there.has(name) && asked[name] === undefined);
    if (isAll && missing.length > 0)
      throw new Conflict(`The host has ${missing.join(', ')}, which cannot be taken from it here.`);
    const columns: Record<string, number> = {};
    for (const [name, one] of Object.entries(asked)) {
      const now = isHostClass(name) ? there.get(name) : undefined;
      if (!isHostClass(name) || now === undefined)
        throw new Conflict(`The host has no ${name}: only its agent says what it has.`);
      checkInventory(name, one, now.total, mayReserveAll);
      columns[reservedColumns[resourceOf[name]]] = one.reserved ?? 0;
      columns[ratioColumns[resourceOf[name]]] = one.allocation_ratio ?? 1;
    }
    await changeProvider(trx, id, columns);
    await countRoom(trx, allocation, provider.name);
    return getProvider(trx, id);
  });
}

function checkInventory(name: string, asked: AskedInventory, total: number, mayReserveAll: boolean): void {
  if (asked.total !== total)
    throw new Conflict(`The host has ${total} ${name}, not ${asked.total}: only its agent says what it has.`);
  const { min_unit = 1, max_unit = total, step_size = 1, reserved = 0 } = asked;
  // Clients that leave them out mean any; Placement's own default for the most is the largest integer.
  if (min_unit !== 1 || step_size !== 1 || (max_unit !== total && max_unit !== 2 ** 31 - 1))
    throw new Conflict(`Guests take ${name} in units from 1 to ${total}, one by one; that cannot be changed.`);
  if (reserved > total || (reserved === total && !mayReserveAll))
    throw new BadRequest(`Invalid inventory for '${name}'. The reserved value is too large for its total.`);
}

/** Gives it these traits beside those that it says of itself. Throws `ConcurrentUpdate`, `BadRequest` for unknown ones. */
export async function setTraits(
  db: Knex,
  id: string,
  generation: number | undefined,
  asked: readonly string[],
): Promise<Provider> {
  return db.transaction(async (trx) => {
    const provider = await lockProvider(trx, id);
    if (generation !== undefined) requireGeneration(provider, generation);
    await requireTraits(trx, asked);
    const own = ownTraits(provider);
    const given = [...new Set(asked)].filter((name) => !own.includes(name)).sort();
    const untrue = given.find((name) => !name.startsWith('CUSTOM_'));
    if (untrue !== undefined) throw new Conflict(`The host has no ${untrue}: only its agent says that.`);
    if (given.join() !== [...provider.customTraits].sort().join()) await changeProvider(trx, id, { traits: given });
    return getProvider(trx, id);
  });
}

function requireGeneration(provider: Provider, generation: number): void {
  if (provider.placementGeneration !== generation)
    throw new ConcurrentUpdate(
      `Resource provider generation conflict: it is ${provider.placementGeneration}, and the request says ${generation}. Please retry your update.`,
    );
}

async function changeProvider(trx: Knex, id: string, columns: Record<string, unknown>): Promise<void> {
  await trx('compute_hosts')
    .where({ id })
    .update({ ...columns, placement_generation: trx.raw('placement_generation + 1') });
}
