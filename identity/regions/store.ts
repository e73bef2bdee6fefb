import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';

/** A place that endpoints are in. */
export interface Region {
  id: string;
  /** Null for a region that is in no other. */
  parentRegionId: string | null;
  description: string;
  extra: Extra;
}

interface RegionRow {
  id: string;
  parent_region_id: string | null;
  description: string;
  extra: Extra;
}

function fromRow({ id, parent_region_id, description, extra }: RegionRow): Region {
  return { id, parentRegionId: parent_region_id, description, extra };
}

/** Throws `Conflict` when the id is taken, `NotFound` when there is no such parent. */
export async function insertRegion(db: Knex, region: Region): Promise<Region> {
  try {
    const [row] = await db<RegionRow>('regions')
      .insert({
        id: region.id,
        parent_region_id: region.parentRegionId,
        description: region.description,
        extra: JSON.stringify(region.extra) as unknown as Extra,
      })
      .returning('*');
    return fromRow(row as RegionRow);
  } catch (error) {
    throw renamed(error, region);
  }
}

/** Makes the region unless it is there. */
export async function ensureRegion(db: Knex, id: string): Promise<void> {
  await db('regions').insert({ id }).onConflict('id').ignore();
}

/** Attributes of `extra` that are not named stay. Throws as `insertRegion`. */
export async function updateRegion(db: Knex, id: string, changes: Partial<Omit<Region, 'id'>>): Promise<Region> {
  const { parentRegionId, description, extra = {} } = changes;
  try {
    const [row] = await db<RegionRow>('regions')
      .where({ id })
      .update({
        ...given({ parent_region_id: parentRegionId, description }),
        extra: db.raw('extra || ?::jsonb', [JSON.stringify(extra)]) as unknown as Extra,
      })
      .returning('*');
    if (row === undefined) throw new NotFound('region', id);
    return fromRow(row);
  } catch (error) {
    throw renamed(error, { id, parentRegionId: parentRegionId ?? null });
  }
}

function renamed(error: unknown, { id, parentRegionId }: Pick<Region, 'id' | 'parentRegionId'>): unknown {
  const constraint = violatedConstraint(error);
  if (constraint === 'regions_pkey')
    return new Conflict(`Conflict occurred attempting to store region - Duplicate ID, ${id}.`, { cause: error });
  if (constraint === 'regions_parent_region_id_foreign')
    return new NotFound('region', parentRegionId ?? '', { cause: error });
  return error;
}

export async function getRegion(db: Knex, id: string): Promise<Region> {
  const row = await db<RegionRow>('regions').where({ id }).first();
  if (row === undefined) throw new NotFound('region', id);
  return fromRow(row);
}

export async function listRegions(
  db: Knex,
  filters: readonly TextFilter[],
  page: PageRequest,
): Promise<{ regions: Region[]; more: boolean }> {
  const query = applyTextFilters(db('regions').select('*'), filters);
  const { rows, more } = await pageOf<RegionRow>(query, page, [{ column: 'id', direction: 'asc' }]);
  return { regions: rows.map(fromRow), more };
}

/** The region and all that are above it, itself first. */
export async function listAbove(db: Knex, id: string): Promise<string[]> {
  const { rows } = await db.raw(
    `with recursive above(id, parent_region_id, height) as (
       select id, parent_region_id, 0 from regions where id = ?
       union all
       select r.id, r.parent_region_id, height + 1 from regions r join above on r.id = above.parent_region_id
     ) select id from above order by height`,
    [id],
  );
  return rows.map((row: { id: string }) => row.id);
}

/** Those below it go, too. */
export async function removeRegion(db: Knex, id: string): Promise<void> {
  const removed = await db('regions').where({ id }).delete();
  if (removed === 0) throw new NotFound('region', id);
}
