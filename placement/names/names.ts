/** Names of traits and resource classes: the standard ones that are known here, and what administrators added. */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { standardTraits } from '../../compute/scheduler/traits.ts';

interface Kind {
  table: 'placement_traits' | 'placement_resource_classes';
  /** In messages. */
  word: string;
  standard: readonly string[];
}

export const traits: Kind = { table: 'placement_traits', word: 'trait', standard: standardTraits };

export const resourceClasses: Kind = {
  table: 'placement_resource_classes',
  word: 'resource class',
  // Of os-resource-classes. Hosts have inventories of the first three.
  standard: [
    'VCPU',
    'MEMORY_MB',
    'DISK_GB',
    'PCI_DEVICE',
    'SRIOV_NET_VF',
    'NUMA_SOCKET',
    'NUMA_CORE',
    'NUMA_THREAD',
    'NUMA_MEMORY_MB',
    'IPV4_ADDRESS',
    'VGPU',
    'VGPU_DISPLAY_HEAD',
    'NET_BW_EGR_KILOBIT_PER_SEC',
    'NET_BW_IGR_KILOBIT_PER_SEC',
    'PCPU',
    'MEM_ENCRYPTION_CONTEXT',
    'FPGA',
    'PGPU',
    'NET_PACKET_RATE_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
  ],
};

export async function listNames(db: Knex, { table, standard }: Kind): Promise<string[]> {
  const rows: { name: string }[] = await db(table).orderBy('name').select('name');
  return [...standard, ...rows.map(({ name }) => name)];
}

/** Throws `NotFound`. */
export async function requireName(db: Knex, kind: Kind, name: string): Promise<void> {
  if (!(await isKnown(db, kind, name))) throw new NotFound(capital(kind.word), shown(name));
}

async function isKnown(db: Knex, { table, standard }: Kind, name: string): Promise<boolean> {
  if (standard.includes(name)) return true;
  return isCustom(name) && (await db(table).where({ name }).first('name')) !== undefined;
}

/** Whether it is new. Throws `BadRequest` for what is no custom name. */
export async function addName(db: Knex, kind: Kind, name: string): Promise<boolean> {
  if (kind.standard.includes(name) && kind.table === 'placement_resource_classes')
    throw new BadRequest(`Cannot change the standard ${kind.word} ${name}.`);
  if (!isCustom(name))
    throw new BadRequest(
      `The ${kind.word} ${shown(name)} is not of the form CUSTOM_ and letters from A to Z, digits and underscores, 255 at most.`,
    );
  const added = await db(kind.table).insert({ name }).onConflict('name').ignore().returning('name');
  return added.length > 0;
}

/** Throws `BadRequest` for a standard one, `NotFound`, `Conflict` while it is in use. */
export async function removeName(db: Knex, kind: Kind, name: string): Promise<void> {
  if (kind.standard.includes(name)) throw new BadRequest(`Cannot delete the standard ${kind.word} ${name}.`);
  await db.transaction(async (trx) => {
    await requireName(trx, kind, name);
    await trx(kind.table).where({ name }).forUpdate().select('name');
    if (kind === traits && (await trx('compute_hosts').whereRaw('? = any(traits)', [name]).first('id')) !== undefined)
      throw new Conflict(`The trait ${name} is in use by a resource provider.`);
    await trx(kind.table).where({ name }).delete();
  });
}

/** Throws `BadRequest` that names those nobody knows. Those that are given stay until the transaction ends. */
export async function requireTraits(trx: Knex, names: readonly string[]): Promise<void> {
  const custom: { name: string }[] = await trx('placement_traits')
    .whereRaw('name = any(?::text[])', [names.filter(isCustom)])
    .forKeyShare()
    .select('name');
  const known = new Set([...traits.standard, ...custom.map(({ name }) => name)]);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new BadRequest(`No such trait(s): ${unknown.map(shown).join(', ')}.`);
}

const isCustom = (name: string) => name.length <= 255 && /^CUSTOM_[A-Z0-9_]+$/.test(name);
const shown = (name: string) => name.slice(0, 255);
const capital = (word: string) => word[0]?.toUpperCase() + word.slice(1);
