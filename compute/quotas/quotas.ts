import type { Knex } from '../../common/database/database.ts';
import { planOnceSql } from '../../common/database/preparing.ts';
import { Forbidden, OverQuota } from '../../common/errors.ts';
import { containerLimit } from '../limits.ts';
import { type LimitsOfUser, limitsOfUser, type OwnLimits, type ProjectInRegion } from './limits.ts';
import { type Usage, usageOf } from './usage.ts';

/** Who adds to what is counted. */
export interface QuotaScope extends ProjectInRegion {
  userId: string;
}

/**
 * Throws `OverQuota` in Nova's words when the project, or the user within it, would exceed a limit. The project's creations go
 * one after the other from here to the end of the transaction, so that none counts without the other. `known`: the limits, for
 * who has read them in the same transaction already; the fewer things others wait for, the better.
 */
export async function checkQuota(
  trx: Knex,
  scope: QuotaScope,
  asked: Partial<Usage>,
  known?: LimitsOfUser,
): Promise<void> {
  const { projectId, userId } = scope;
  // What comes after this others wait for: it shall be quick.
  const lockSql = `select pg_advisory_xact_lock(hashtextextended('compute quota ' || ?, 0)), ${planOnceSql}`;
  await trx.raw(lockSql, [projectId]);
  const { project, user } = known ?? (await limitsOfUser(trx, scope));
  refuseExcess(asked, await usageOf(trx, projectId), { ...project, containers: containerLimit });
  if (Object.keys(user).length > 0) refuseExcess(asked, await usageOf(trx, projectId, userId), user);
}

/** Throws `Forbidden`, as Nova does, when a server would have more items of metadata than the project's may. */
export function checkMetadataItems(limits: OwnLimits, items: number): void {
  const limit = limits.metadata_items;
  if (limit >= 0 && items > limit) throw new Forbidden(`Maximum number of metadata items exceeds ${limit}`);
}

/** Throws `Forbidden`, in Nova's words, for files that a server may not be given. Contents are base64; bytes of text count. */
export function checkInjectedFiles(limits: OwnLimits, files: readonly { path: string; contents: string }[]): void {
  const exceeds = (value: number, limit: number) => limit >= 0 && value > limit;
  const { injected_file_path_bytes: mostPath, injected_file_content_bytes: mostContent } = limits;
  if (exceeds(files.length, limits.injected_files)) throw new Forbidden('Personality file limit exceeded.');
  for (const { path, contents } of files) {
    if (exceeds(Buffer.byteLength(path), mostPath))
      throw new Forbidden(`Personality file path exceeds maximum ${mostPath}.`);
    if (exceeds(Buffer.byteLength(contents, 'base64'), mostContent))
      throw new Forbidden(`Personality file content exceeds maximum ${mostContent}.`);
  }
}

function refuseExcess(asked: Partial<Usage>, used: Usage, limits: Partial<Usage>): void {
  const exceeded = (['instances', 'containers', 'cores', 'ram', 'disk'] as const).filter((name) => {
    const more = Math.ceil(asked[name] ?? 0);
    const limit = limits[name] ?? -1;
    return more > 0 && limit >= 0 && used[name] + more > limit;
  });
  if (exceeded.length === 0) return;
  const list = (values: Partial<Usage>) => exceeded.map((name) => Math.ceil(values[name] ?? 0)).join(', ');
  throw new OverQuota(
    `Quota exceeded for ${exceeded.join(', ')}: Requested ${list(asked)}, but already used ${list(used)} of ${list(limits)} ${exceeded.join(', ')}`,
  );
}
