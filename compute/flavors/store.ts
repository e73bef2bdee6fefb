/** All the SQL of flavors. */
import type { Visible } from '../../common/context.ts';
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { Flavor } from './flavor.ts';

/** Each is looked at wherever a server is placed. */
const mostExtraSpecs = 128;

interface FlavorRow {
  id: string;
  name: string;
  vcpus: number;
  memory_mib: number;
  disk_gib: number;
  rxtx_factor: number;
  is_public: boolean;
  description: string | null;
  swap_mib: number;
  ephemeral_gib: number;
  extra_specs: Record<string, string>;
}

export interface FlavorFilter {
  /** True: public ones and those the project was given; false: private ones; undefined: all. */
  isPublic: boolean | undefined;
  minMemoryMib?: number;
  minDiskGib?: number;
}

/** A flavor that a project was not given access to is not found, as one that does not exist. */
export async function getFlavor(db: Knex, visible: Visible, id: string): Promise<Flavor> {
  const row: FlavorRow | undefined = await reachable(db, visible).where('flavors.id', id).first();
  if (row === undefined) throw new NotFound('Flavor', id);
  return fromRow(row);
}

export async function listFlavors(
  db: Knex,
  { visible, projectId }: { visible: Visible; projectId: string },
  filter: FlavorFilter,
  page: PageRequest,
  sort: SortKey[],
): Promise<{ flavors: Flavor[]; more: boolean }> {
  const query = reachable(db, visible);
  const given = db('flavor_access').where({ project_id: projectId }).select('flavor_id');
  if (filter.isPublic === true) query.where((or) => or.where('is_public', true).orWhereIn('flavors.id', given));
  if (filter.isPublic === false) query.where('is_public', false);
  if (filter.minMemoryMib !== undefined) query.where('memory_mib', '>=', filter.minMemoryMib);
  if (filter.minDiskGib !== undefined) query.where('disk_gib', '>=', filter.minDiskGib);
  const { rows, more } = await selectPage<FlavorRow>(query, page, sort);
  return { flavors: rows.map(fromRow), more };
}

/** Throws `Conflict`, in Nova's words, when the name or the id is taken. */
export async function insertFlavor(db: Knex, flavor: Flavor): Promise<Flavor> {
  try {
    const [row] = await db('flavors')
      .insert({
        id: flavor.id,
        name: flavor.name,
        vcpus: flavor.vcpus,
        memory_mib: flavor.memoryMib,
        disk_gib: flavor.diskGib,
        rxtx_factor: flavor.rxtxFactor,
        is_public: flavor.isPublic,
        description: flavor.description,
        swap_mib: flavor.swapMib,
        ephemeral_gib: flavor.ephemeralGib,
        extra_specs: JSON.stringify(flavor.extraSpecs),
      })
      .returning('*');
    return fromRow(row);
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'flavors_pkey') throw new Conflict(`Flavor with ID ${flavor.id} already exists.`);
    if (constraint === 'flavors_name_key') throw new Conflict(`Flavor with name ${flavor.name} already exists.`);
    throw error;
  }
}

export async function describeFlavor(db: Knex, id: string, description: string | null): Promise<Flavor> {
  const [row] = await db('flavors').where({ id }).update({ description, updated_at: db.fn.now() }).returning('*');
  if (row === undefined) throw new NotFound('Flavor', id);
  return fromRow(row);
}

/** Adds extra specs to those that are there, or changes them. Throws `BadRequest` when there would be too many. */
export async function setExtraSpecs(db: Knex, id: string, specs: Readonly<Record<string, string>>): Promise<void> {
  await db.transaction(async (trx) => {
    const row = await trx('flavors').where({ id }).forUpdate().first('extra_specs');
    if (row === undefined) throw new NotFound('Flavor', id);
    const all = { ...row.extra_specs, ...specs };
    if (Object.keys(all).length > mostExtraSpecs)
      throw new BadRequest(`A flavor has at most ${mostExtraSpecs} extra specs.`);
    await trx('flavors')
      .where({ id })
      .update({ extra_specs: JSON.stringify(all), updated_at: trx.fn.now() });
  });
}

/** Throws `NotFound` when the flavor has no such extra spec. */
export async function removeExtraSpec(db: Knex, id: string, key: string): Promise<void> {
  const removed = await db('flavors')
    .where({ id })
    .whereRaw('jsonb_exists(extra_specs, ?)', [key])
    .update({ extra_specs: db.raw('extra_specs - ?::text', [key]), updated_at: db.fn.now() });
  if (removed === 0) throw new NotFound(`Extra spec of flavor ${id}`, key);
}

export async function deleteFlavor(db: Knex, id: string): Promise<void> {
  if ((await db('flavors').where({ id }).delete()) === 0) throw new NotFound('Flavor', id);
}

/** The projects that a private flavor was given to. */
export async function listFlavorAccess(db: Knex, flavorId: string): Promise<string[]> {
  const rows = await db('flavor_access').where({ flavor_id: flavorId }).orderBy('project_id').select('project_id');
  return rows.map((row) => row.project_id);
}

export async function addFlavorAccess(db: Knex, flavorId: string, projectId: string): Promise<void> {
  try {
    await db('flavor_access').insert({ flavor_id: flavorId, project_id: projectId });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'flavor_access_pkey')
      throw new Conflict(`Flavor access already exists for flavor ${flavorId} and project ${projectId} combination.`);
    if (constraint !== undefined) throw new NotFound('Flavor', flavorId);
    throw error;
  }
}

export async function removeFlavorAccess(db: Knex, flavorId: string, projectId: string): Promise<void> {
  const removed = await db('flavor_access').where({ flavor_id: flavorId, project_id: projectId }).delete();
  if (removed === 0) throw new NotFound('Flavor access', `${flavorId} / ${projectId}`);
}

function reachable(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('flavors').select('flavors.*');
  if (visible === 'everyone') return query;
  const given = db('flavor_access').where({ project_id: visible.projectId }).select('flavor_id');
  return query.where((or) => or.where('is_public', true).orWhereIn('flavors.id', given));
}

function fromRow(row: FlavorRow): Flavor {
  return {
    id: row.id,
    name: row.name,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
    rxtxFactor: row.rxtx_factor,
    isPublic: row.is_public,
    description: row.description,
    swapMib: row.swap_mib,
    ephemeralGib: row.ephemeral_gib,
    extraSpecs: row.extra_specs,
  };
}
