/** Lists in the old way: so many from the so-manieth on (nova's `common.limited`). */
import { BadRequest } from '../../common/errors.ts';
import { maxPageSize, one, pageRequest } from '../../common/http/page.ts';

/** Reads `limit`, of which 0 is none, and `offset`. Throws `BadRequest` for what is no whole number. */
export function sliceOf(query: Record<string, unknown>): { limit: number; offset: number } {
  const offset = one(query.offset) ?? '0';
  if (!/^\d{1,9}$/.test(offset)) throw new BadRequest(`Invalid input for query parameter offset. Value: ${offset}.`);
  return { limit: pageRequest(query).limit || maxPageSize, offset: Number(offset) };
}
