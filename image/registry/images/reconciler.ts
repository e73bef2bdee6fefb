import { createHash, randomUUID } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { OverQuota } from '../../../common/errors.ts';
import type { Logger } from '../../../common/logger.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import { largestTarEntry } from '../../../common/tar.ts';
import { newImage } from '../../images/image.ts';
import { finishUpload, insertImage, startUpload } from '../../images/store.ts';
import { checkOneMore } from '../../images/usage.ts';
import { createInspector } from '../../inspection/inspector.ts';
import type { StoredData } from '../../stores/store.ts';
import { registryStoreId } from '../../stores/stores.ts';
import { imageConfigTypes, imageTypes, indexTypes, readManifest } from '../content/manifest.ts';
import { findManifest, type StoredManifest } from '../content/manifests.ts';
import type { Upstream } from '../upstream.ts';
import { type Archive, checkDigest } from './archive.ts';
import { openArchive } from './store.ts';

export interface RegistryImageDeps {
  db: Knex;
  upstream: Upstream;
  region: string;
  log: Logger;
}

interface Tag {
  repositoryId: string;
  projectId: string;
  repository: string;
  name: string;
  digest: string;
}

/** Makes each tag that a container can be made of an image of the image service, while it means the same manifest. */
export function registryTagReconciler(deps: RegistryImageDeps): Reconciler {
  const { db, log } = deps;
  const unsettled = () =>
    db('registry_tags as t')
      .join('registry_repositories as r', 'r.id', 't.repository_id')
      .whereNull('r.deletion_requested_at')
      .where('t.is_settled', false);
  return {
    name: 'registry-tags',
    pending: (limit) =>
      unsettled().groupBy('t.repository_id').orderByRaw('min(t.pushed_at)').limit(limit).pluck('t.repository_id'),
    async reconcile(id) {
      const tags: Tag[] = await unsettled().where('t.repository_id', id).select({
        repositoryId: 't.repository_id',
        projectId: 'r.project_id',
        repository: 'r.name',
        name: 't.name',
        digest: 't.manifest_digest',
      });
      for (const tag of tags) {
        const why = await listTag(deps, tag);
        if (why !== undefined) log.info({ repository: id, tag: tag.name, why }, 'a tag of the registry is no image');
      }
    },
    concurrency: 2, // each reads all of an image once
  };
}

/** @returns why it is no image, if it is none. */
async function listTag(deps: RegistryImageDeps, tag: Tag): Promise<string | undefined> {
  const { db } = deps;
  const runs = await manifestToRun(deps, tag);
  if (runs === undefined) return settle(db, tag, 'no container can be made of it here');
  const known = await knownArchive(db, runs.digest);
  const archive = known ? undefined : await openArchive(deps, tag.repositoryId, runs);
  if (!known && archive === undefined) return settle(db, tag, 'its manifest is gone');
  const { data, refusal } = known ?? (await inspect(archive!));
  if (refusal !== null) return settle(db, tag, refusal);
  if (!known) await rememberArchive(db, tag.repositoryId, runs.digest, data);
  try {
    return await db.transaction(async (trx) => {
      await trx('registry_repositories').where({ id: tag.repositoryId }).forNoKeyUpdate().select('id');
      // Moved since we looked: the next look is about what it means now.
      if ((await settle(trx, tag)) !== undefined) return undefined;
      await checkOneMore({ db: trx, region: deps.region }, tag.projectId, 'image_count_total');
      await insertActive(trx, tag, runs.digest, data);
      return undefined;
    });
  } catch (error) {
    if (error instanceof OverQuota) return settle(db, tag, error.message);
    throw error;
  }
}

/** Says that this meaning of the tag was looked at. @returns `why`, or something when the tag means something else by now. */
async function settle(db: Knex, tag: Tag, why?: string): Promise<string | undefined> {
  const count = await db('registry_tags')
    .where({ repository_id: tag.repositoryId, name: tag.name, manifest_digest: tag.digest, is_settled: false })
    .update({ is_settled: true });
  return count === 0 ? 'it was moved' : why;
}

async function insertActive(trx: Knex, tag: Tag, runsDigest: string, data: StoredData): Promise<void> {
  const dataId = randomUUID();
  const image = await insertImage(trx, undefined, {
    ...newImage(tag.projectId),
    name: `${tag.repository}:${tag.name}`.slice(-255),
    diskFormat: 'raw',
    containerFormat: 'docker',
    properties: {
      registry_repository: `${tag.projectId}/${tag.repository}`,
      registry_tag: tag.name,
      registry_digest: tag.digest,
    },
  });
  await trx('registry_images').insert({
    data_id: dataId,
    image_id: image.id,
    repository_id: tag.repositoryId,
    tag: tag.name,
    manifest_digest: tag.digest,
    runs_digest: runsDigest,
  });
  await startUpload(trx, image.id, dataId, registryStoreId);
  await finishUpload(trx, image.id, dataId, { ...data, virtualSizeBytes: null }, [registryStoreId]);
}

/** Of a list the one for this machine. Undefined for what is no image for it, or for none. */
async function manifestToRun({ db, upstream }: RegistryImageDeps, tag: Tag): Promise<StoredManifest | undefined> {
  const read = async (digest: string) => {
    const stored = await findManifest(db, tag.repositoryId, digest);
    const bytes = stored && (await upstream.readManifest(tag.repositoryId, digest, stored.mediaType));
    return stored && bytes && { stored, manifest: readManifest(checkDigest(bytes, digest), stored.mediaType) };
  };
  let found = await read(tag.digest);
  if (found && indexTypes.includes(found.manifest.mediaType)) {
    const fit = found.manifest.manifests.find(
      ({ platform }) => platform?.os === 'linux' && platform.architecture === machineArchitecture,
    );
    found = fit && (await read(fit.digest));
  }
  if (!found || !imageTypes.includes(found.manifest.mediaType)) return undefined;
  const { config, layers } = found.manifest;
  const isContainer = config !== null && imageConfigTypes.includes(config.mediaType) && layers.length > 0;
  return isContainer && layers.every(({ size }) => size <= largestTarEntry) ? found.stored : undefined;
}

/** As the specification of OCI images calls it, which has Go's words. */
const machineArchitecture = { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch;

/** The same manifest makes the same archive, whoever has it and however many tags mean it. */
async function knownArchive(db: Knex, digest: string): Promise<Inspected | undefined> {
  const row = await db('registry_manifests').where({ digest }).whereNotNull('archive_sha512').first();
  const { archive_bytes: sizeBytes, archive_md5: md5, archive_sha512: sha512 } = row ?? {};
  return row && { data: { sizeBytes, md5, sha512 }, refusal: null };
}

async function rememberArchive(db: Knex, repositoryId: string, digest: string, data: StoredData): Promise<void> {
  await db('registry_manifests')
    .where({ repository_id: repositoryId, digest })
    .update({ archive_bytes: data.sizeBytes, archive_md5: data.md5, archive_sha512: data.sha512 });
}

interface Inspected {
  data: StoredData;
  refusal: string | null;
}

/** Reads it once as an upload would be read: for what lists tell of data, and whether it is safe to use. */
async function inspect(archive: Archive): Promise<Inspected> {
  const inspector = createInspector({ diskFormat: 'raw', containerFormat: 'docker' });
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  for await (const chunk of archive.open()) {
    inspector.write(chunk as Buffer);
    if (inspector.refusal() !== null) break;
    md5.update(chunk as Buffer);
    sha512.update(chunk as Buffer);
  }
  const data = { sizeBytes: archive.sizeBytes, md5: md5.digest('hex'), sha512: sha512.digest('hex') };
  return { data, refusal: inspector.refusal() ?? inspector.finish().refusal };
}
