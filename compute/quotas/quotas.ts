import type { Knex } from '../../common/database/database.ts';
import { OverQuota } from '../../common/errors.ts';
import { quotaLimits } from '../limits.ts';

export interface Usage {
  instances: number;
  cores: number;
  /** MiB. */
  ram: number;
}

/** What a project's servers and containers take, counted from their rows; those in error and those being deleted included. */
export async function usageOf(db: Knex, projectId: string): Promise<Usage> {
  const row = await db('compute_claims')
    .where({ project_id: projectId })
    .select(
      db.raw('count(*)::int as instances'),
      db.raw('ceil(coalesce(sum(vcpus), 0))::int as cores'),
      db.raw('coalesce(sum(memory_mib), 0)::int as ram'),
    )
    .first();
  return row as unknown as Usage;
}

/**
 * Throws `OverQuota` in Nova's words when the project would exceed a limit. The project's creations go one after the other
 * from here to the end of the transaction, so that none counts without the other.
 */
export async function checkQuota(trx: Knex, projectId: string, asked: Usage): Promise<void> {
  await trx.raw("select pg_advisory_xact_lock(hashtextextended('compute quota ' || ?, 0))", [projectId]);
  const used = await usageOf(trx, projectId);
  const exceeded = (['instances', 'cores', 'ram'] as const).filter(
    (name) => asked[name] > 0 && used[name] + asked[name] > quotaLimits[name],
  );
  if (exceeded.length === 0) return;
  const list = (values: Record<string, number>) => exceeded.map((name) => values[name]).join(', ');
  throw new OverQuota(
    `Quota exceeded for ${exceeded.join(', ')}: Requested ${list({ ...asked })}, but already used ${list({ ...used })} of ${list(quotaLimits)} ${exceeded.join(', ')}`,
  );
}
