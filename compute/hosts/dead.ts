/** Hosts on which nothing is known to run: their agents are silent, or somebody says that they are down. */
import type { Knex } from '../../common/database/database.ts';

/** `isDead` of `ComputeHost`, for the host's row under that alias. */
export const deadSql = (alias: string) =>
  `(${alias}.is_forced_down or ${alias}.agent_seen_at <= now() - ${alias}.down_after_seconds * interval '1 second')`;

/** It has been silent for so many seconds, and is dead for that. */
export const longSilentSql = (alias: string, seconds: number) =>
  `(${alias}.agent_seen_at <= now() - greatest(${alias}.down_after_seconds, ${seconds}) * interval '1 second')`;

/** False of a host that is not there. */
export async function isHostDead(db: Knex, id: string): Promise<boolean> {
  const row = await db('compute_hosts')
    .where({ id })
    .first(db.raw(`${deadSql('compute_hosts')} as is_dead`));
  return row?.is_dead === true;
}

/** The same, and what is dead stays so until the transaction ends: its agent gets no lease meanwhile (`renewLease`). */
export async function holdIfDead(trx: Knex, id: string): Promise<boolean> {
  if (!(await isHostDead(trx, id))) return false;
  await trx('compute_hosts').where({ id }).forNoKeyUpdate().select('id');
  return isHostDead(trx, id);
}
