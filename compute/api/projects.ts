import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { findProject } from '../../identity/projects/store.ts';

/** Throws `BadRequest`, in Nova's words, for an id that is no project's. Only for administrators: others are not told. */
export async function requireProject(db: Knex, id: string): Promise<void> {
  if ((await findProject(db, id)) === undefined) throw new BadRequest(`Project ID ${id} is not a valid project.`);
}
