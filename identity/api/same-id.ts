import { BadRequest } from '../../common/errors.ts';

/** A body may repeat the id of its path, and say no other. Throws `BadRequest`. */
export function checkSameId(body: object, id: string | undefined): void {
  const said: unknown = (body as { id?: unknown }).id;
  if (said !== undefined && said !== null && said !== id) throw new BadRequest('Cannot change ID.');
}
