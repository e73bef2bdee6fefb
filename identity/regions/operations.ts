import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { BadRequest, Conflict, Forbidden } from '../../common/errors.ts';
import { listAbove, type Region, removeRegion, updateRegion } from './store.ts';

/** Throws `NotFound` when it or its new parent is not there, `BadRequest` when it would be above itself. */
export async function changeRegion(
  { db }: { db: Knex },
  id: string,
  changes: Partial<Omit<Region, 'id'>>,
): Promise<Region> {
  return db.transaction(async (trx) => {
    // Two moves at once could make a circle.
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity regions']);
    const { parentRegionId } = changes;
    if (parentRegionId && (await listAbove(trx, parentRegionId)).includes(id))
      throw new BadRequest(`The specified parent region ${parentRegionId} would create a circular region hierarchy.`);
    return updateRegion(trx, id, changes);
  });
}

/** With the regions below it. Throws `Forbidden` while one of them has endpoints, `Conflict` while one has registered limits. */
export async function deleteRegion({ db }: { db: Knex }, id: string): Promise<void> {
  try {
    await removeRegion(db, id);
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'endpoints_region_id_foreign')
      throw new Forbidden(
        `Unable to delete region ${id} because it or its child regions have associated endpoints; delete those first.`,
        { cause: error },
      );
    if (constraint === 'registered_limits_region_id_foreign')
      throw new Conflict(`Unable to delete region ${id}: registered limits are for it; delete those first.`, {
        cause: error,
      });
    throw error;
  }
}
