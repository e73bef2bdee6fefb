import type { Knex } from '../../../common/database/database.ts';
import { effectiveLimit } from '../../../identity/limits/effective.ts';
import { OciError } from '../errors.ts';

/** The registered limit of the image service that counts here. In MiB, as its others are. */
export const registryResource = 'registry_size_total';

const mib = 2 ** 20;

export interface RegistryQuotas {
  db: Knex;
  region: string;
}

/** In bytes. */
interface Used {
  /** Each blob and manifest once, in however many repositories of the project it is. What another project has too counts for both. */
  content: number;
  /** What has come of uploads under way, or is there still of those that are over. */
  uploads: number;
}

export async function usedBy(db: Knex, projectId: string): Promise<Used> {
  const { rows } = await db.raw(
    `with mine as (select id from registry_repositories where project_id = :projectId)
     select (
       select coalesce(sum(size_bytes), 0) from (
         select digest, size_bytes from registry_blobs where repository_id in (select id from mine)
         union
         select digest, size_bytes from registry_manifests where repository_id in (select id from mine)
       ) as content
     ) as content, (
       select coalesce(sum(received_bytes), 0) from registry_uploads where repository_id in (select id from mine)
     ) as uploads`,
    { projectId },
  );
  return { content: Number(rows[0].content), uploads: Number(rows[0].uploads) };
}

/** Bytes; undefined where nothing limits it. */
export async function limitBytes({ db, region }: RegistryQuotas, projectId: string): Promise<number | undefined> {
  const question = { projectId, serviceType: 'image', regionId: region, resourceName: registryResource };
  const limit = (await effectiveLimit(db, question)) ?? -1;
  return limit < 0 ? undefined : limit * mib;
}

/**
 * Throws `OciError` DENIED when the project's content may not become so many bytes more. In a transaction: others who ask for the
 * same project wait for its end. Uploads under way do not count here, or several at the limit would all be refused for each other.
 */
export async function checkRoom(quotas: RegistryQuotas, projectId: string, moreBytes: number): Promise<void> {
  const limit = await limitBytes(quotas, projectId);
  if (limit === undefined) return;
  await quotas.db.raw(`select pg_advisory_xact_lock(hashtextextended('registry of ' || ?, 0))`, [projectId]);
  const { content } = await usedBy(quotas.db, projectId);
  if (content + moreBytes > limit) throw noRoom(limit - content);
}

/** An upload says that it lives every other second; one that did not for so long grows no more. */
const aliveSeconds = 10;

/**
 * Bytes that all of an upload may have; undefined where nothing limits it. What has come of others counts. While data comes
 * for it (`isComing`) those others do not for which data comes too and whose ids are higher, or several at the limit would
 * all be ended for each other: each of those ends for this one.
 */
export async function roomForUpload(
  { db, region }: RegistryQuotas,
  projectId: string,
  id: string,
  { isComing }: { isComing: boolean },
): Promise<number | undefined> {
  const limit = await limitBytes({ db, region }, projectId);
  if (limit === undefined) return undefined;
  const { content } = await usedBy(db, projectId);
  const others = await db('registry_uploads as u')
    .join('registry_repositories as r', 'r.id', 'u.repository_id')
    .where('r.project_id', projectId)
    .whereNot('u.id', id)
    .modify((query) => {
      if (isComing)
        query.whereRaw('(u.is_over or u.id < ? or u.seen_at < now() - make_interval(secs => ?))', [id, aliveSeconds]);
    })
    .sum({ bytes: 'received_bytes' })
    .first();
  return limit - content - Number(others?.bytes ?? 0);
}

export const noRoom = (room: number) =>
  new OciError(
    'DENIED',
    `The limit ${registryResource} leaves the project ${Math.max(0, room)} bytes more in the registry, which is too little.`,
  );
