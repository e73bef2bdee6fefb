import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict, Forbidden } from '../../common/errors.ts';
import { listAbove, listBelow, type Region, removeRegion, updateRegion } from './store.ts';

/** Who changes the tree of regions waits for whoever else does, so that two moves cannot make a circle. */
async function lockTree(trx: Knex): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity regions']);
}

/** Throws `NotFound` when it or its new parent is not there, `BadRequest` when it would be above itself. */
export async function changeRegion(
  { db }: { db: Knex },
  id: string,
  changes: Partial<Omit<Region, 'id'>>,
): Promise<Region> {
  return db.transaction(async (trx) => {
    await lockTree(trx);
    const { parentRegionId } = changes;
    if (parentRegionId && (await listAbove(trx, parentRegionId)).includes(id))
      throw new BadRequest(`The specified parent region ${parentRegionId} would create a circular region hierarchy.`);
    return updateRegion(trx, id, changes);
  });
}

/** With the regions below it. Throws `Forbidden` while one of them has endpoints, `Conflict` while one has registered limits. */
export async function deleteRegion({ db }: { db: Knex }, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockTree(trx);
    const all = await listBelow(trx, id);
    if (await trx('endpoints').whereIn('region_id', all).first('id'))
      throw new Forbidden(
        `Unable to delete region ${id} because it or its child regions have associated endpoints; delete those first.`,
      );
    if (await trx('registered_limits').whereIn('region_id', all).first('id'))
      throw new Conflict(`Unable to delete region ${id}: registered limits are for it; delete those first.`);
    await removeRegion(trx, id);
  });
}
