import type { Knex } from '../../common/database/database.ts';
import { OverQuota } from '../../common/errors.ts';
import { containerLimit, quotaLimits } from '../limits.ts';

export interface Usage {
  /** Servers. */
  instances: number;
  containers: number;
  /** Of both, and of containers also in parts; the sum is rounded up. */
  cores: number;
  /** MiB, of both. */
  ram: number;
}

const limits: Usage = { ...quotaLimits, containers: containerLimit };

/** What a project's servers and containers take, counted from their rows; those in error and those being deleted included. */
export async function usageOf(db: Knex, projectId: string): Promise<Usage> {
  const row = await db('compute_claims')
    .where({ project_id: projectId })
    .select(
      db.raw("(count(*) filter (where kind = 'server'))::int as instances"),
      db.raw("(count(*) filter (where kind = 'container'))::int as containers"),
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
export async function checkQuota(trx: Knex, projectId: string, asked: Partial<Usage>): Promise<void> {
  await trx.raw("select pg_advisory_xact_lock(hashtextextended('compute quota ' || ?, 0))", [projectId]);
  const used = await usageOf(trx, projectId);
  const exceeded = (['instances', 'containers', 'cores', 'ram'] as const).filter((name) => {
    const more = Math.ceil(asked[name] ?? 0);
    return more > 0 && used[name] + more > limits[name];
  });
  if (exceeded.length === 0) return;
  const list = (values: Partial<Usage>) => exceeded.map((name) => Math.ceil(values[name] ?? 0)).join(', ');
  throw new OverQuota(
    `Quota exceeded for ${exceeded.join(', ')}: Requested ${list(asked)}, but already used ${list(used)} of ${list(limits)} ${exceeded.join(', ')}`,
  );
}
