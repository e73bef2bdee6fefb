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

/**
 * Bytes that a project has in the registry: each blob and manifest once, in however many of its repositories it is, and what
 * has come of uploads under way. What another project has too counts for both.
 */
export async function usedBytes(db: Knex, projectId: string): Promise<number> {
  const { rows } = await db.raw(
    `with mine as (select id from registry_repositories where project_id = :projectId)
     select (
       select coalesce(sum(size_bytes), 0) from (
         select distinct digest, size_bytes from registry_blobs where repository_id in (select id from mine)
         union
         select distinct digest, size_bytes from registry_manifests where repository_id in (select id from mine)
       ) as content
     ) + (
       select coalesce(sum(received_bytes), 0) from registry_uploads where repository_id in (select id from mine)
     ) as used`,
    { projectId },
  );
  return Number(rows[0].used);
}

/** Bytes; undefined where nothing limits it. */
export async function limitBytes({ db, region }: RegistryQuotas, projectId: string): Promise<number | undefined> {
  const question = { projectId, serviceType: 'image', regionId: region, resourceName: registryResource };
  const limit = (await effectiveLimit(db, question)) ?? -1;
  return limit < 0 ? undefined : limit * mib;
}

/**
 * Throws `OciError` DENIED when so many bytes more would be too many. In a transaction, others who ask for the same project
 * wait for its end.
 */
export async function checkRoom(quotas: RegistryQuotas, projectId: string, moreBytes: number): Promise<void> {
  const room = await roomBytes(quotas, projectId);
  if (room !== undefined && moreBytes > room) throw noRoom(room);
}

/** What is left; undefined where nothing limits it. */
export async function roomBytes(quotas: RegistryQuotas, projectId: string): Promise<number | undefined> {
  const limit = await limitBytes(quotas, projectId);
  if (limit === undefined) return undefined;
  const { db } = quotas;
  if (db.isTransaction)
    await db.raw(`select pg_advisory_xact_lock(hashtextextended('registry of ' || ?, 0))`, [projectId]);
  return limit - (await usedBytes(db, projectId));
}

export const noRoom = (room: number) =>
  new OciError(
    'DENIED',
    `The limit ${registryResource} leaves the project ${Math.max(0, room)} bytes more in the registry, which is too little.`,
  );
