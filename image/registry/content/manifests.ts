import type { Knex } from '../../../common/database/database.ts';
import { violatedConstraint } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { withdrawImages } from '../images/withdraw.ts';
import { isDigest, isTag } from '../names.ts';
import { checkSpace, lockContent, removeUnowned } from './bytes.ts';
import { type Descriptor, type Manifest, mostReferrerAnnotationBytes, readManifest } from './manifest.ts';
import { isImmutable, type Repository } from './repositories.ts';
import { briefly, withUpstream } from './transactions.ts';
import { checkRoom } from './usage.ts';

/** A manifest as lists and answers name it. */
export interface StoredManifest {
  digest: string;
  mediaType: string;
  sizeBytes: number;
}

/** By a tag or a digest. */
export async function findManifest(
  db: Knex,
  repositoryId: string,
  reference: string,
): Promise<StoredManifest | undefined> {
  const columns = { digest: 'm.digest', mediaType: 'm.media_type', sizeBytes: 'm.size_bytes' };
  const manifests = db('registry_manifests as m').where('m.repository_id', repositoryId);
  if (isDigest(reference)) return await manifests.where('m.digest', reference).first(columns);
  return await manifests
    .join('registry_tags as t', (on) =>
      on.on('t.repository_id', 'm.repository_id').andOn('t.manifest_digest', 'm.digest'),
    )
    .where('t.name', reference)
    .first(columns);
}

/** One at a time changes what a repository's tags mean. Throws `OciError` when the repository is gone. */
async function holdRepository(trx: Knex, { id }: Repository): Promise<void> {
  const row = await trx('registry_repositories')
    .where({ id })
    .whereNull('deletion_requested_at')
    .forNoKeyUpdate()
    .first('id');
  if (row === undefined) throw new OciError('NAME_UNKNOWN', 'There is no such repository any more.');
}

/**
 * Keeps a manifest whose parts are all in the repository, and lets a tag mean it if the reference is one. Throws `OciError`:
 * MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID; DENIED for want of room, or a tag that must stay.
 */
export async function putManifest(
  { db, upstream, region, hasRoom }: RegistryDeps,
  repository: Repository,
  reference: string,
  contentType: string,
  bytes: Buffer,
): Promise<Manifest> {
  const manifest = readManifest(bytes, contentType);
  const { digest } = manifest;
  const tag = reference.includes(':') ? undefined : reference;
  if (tag === undefined && reference !== digest)
    throw new OciError('DIGEST_INVALID', 'The digest is not that of the manifest that came.');
  if (tag !== undefined && !isTag(tag)) throw new OciError('TAG_INVALID', 'This is no name of a tag.');
  await checkSpace({ hasRoom }, bytes.length);
  await withUpstream(db, async (trx) => {
    await holdRepository(trx, repository);
    const isKnown = (await findManifest(trx, repository.id, digest)) !== undefined;
    await checkRoom({ db: trx, region }, repository.projectId, isKnown ? 0 : manifest.sizeBytes);
    await lockContent(trx, digest);
    if (!isKnown) await insertManifest(trx, repository.id, manifest);
    if (tag !== undefined) await setTag(trx, repository, tag, digest);
    // Last: what was refused before is nowhere. Its digest is checked there, and that all parts are.
    await upstream.putManifest(repository.id, digest, manifest.mediaType, bytes);
  });
  return manifest;
}

async function insertManifest(trx: Knex, repositoryId: string, manifest: Manifest): Promise<void> {
  const { digest, mediaType, sizeBytes, artifactType, annotations, subjectDigest } = manifest;
  // Only lists of what is about a manifest tell them.
  const told = JSON.stringify(subjectDigest === null ? {} : annotations);
  if (Buffer.byteLength(told) > mostReferrerAnnotationBytes)
    throw new OciError(
      'MANIFEST_INVALID',
      `The manifest is not valid: it is about another, so its annotations have at most ${mostReferrerAnnotationBytes} bytes.`,
    );
  const blobs = unique([...(manifest.config ? [manifest.config] : []), ...manifest.layers]);
  const children = unique(manifest.manifests);
  await checkParts(trx, 'registry_blobs', repositoryId, blobs);
  await checkParts(trx, 'registry_manifests', repositoryId, children);
  await trx('registry_manifests').insert({
    repository_id: repositoryId,
    digest,
    media_type: mediaType,
    size_bytes: sizeBytes,
    artifact_type: artifactType,
    annotations: told,
    subject_digest: subjectDigest,
  });
  const key = { repository_id: repositoryId, manifest_digest: digest };
  try {
    if (blobs.length > 0)
      await trx('registry_manifest_blobs').insert(blobs.map((one) => ({ ...key, blob_digest: one.digest })));
    if (children.length > 0)
      await trx('registry_manifest_children').insert(children.map((one) => ({ ...key, child_digest: one.digest })));
  } catch (error) {
    // It was there a moment ago.
    if (violatedConstraint(error) === undefined) throw error;
    throw new OciError('MANIFEST_BLOB_UNKNOWN', 'A part of the manifest is not there any more; push it again.', {
      cause: error,
    });
  }
}

async function checkParts(trx: Knex, table: string, repositoryId: string, parts: Descriptor[]): Promise<void> {
  const digests = parts.map(({ digest }) => digest);
  const rows = await trx(table).where({ repository_id: repositoryId }).whereIn('digest', digests);
  const sizes = new Map(rows.map((row) => [row.digest, row.size_bytes]));
  for (const { digest, size } of parts) {
    if (!sizes.has(digest))
      throw new OciError(
        'MANIFEST_BLOB_UNKNOWN',
        `The manifest refers to ${digest}, which is not in this repository.`,
        {
          detail: { digest },
        },
      );
    if (sizes.get(digest) !== size)
      throw new OciError('MANIFEST_INVALID', `The manifest is not valid: ${digest} is not of ${size} bytes.`);
  }
}

const unique = (parts: Descriptor[]) => [...new Map(parts.map((part) => [part.digest, part])).values()];

async function setTag(trx: Knex, repository: Repository, name: string, digest: string): Promise<void> {
  const key = { repository_id: repository.id, name };
  const before = await trx('registry_tags').where(key).first('manifest_digest');
  if (before?.manifest_digest === digest) return;
  if (before !== undefined && (await isImmutable(trx, repository)))
    throw new OciError('DENIED', `Tag ${name} is there already, and tags of this repository are not moved.`);
  const fresh = { manifest_digest: digest, pushed_at: trx.fn.now(3), is_settled: false };
  await trx('registry_tags')
    .insert({ ...key, ...fresh })
    .onConflict(['repository_id', 'name'])
    .merge();
  await withdrawImages(trx, repository.id);
  await notify(trx, 'registry-tags', repository.id);
}

/** Takes a tag off; the manifest stays. Throws `OciError`. */
export async function deleteTag({ db }: RegistryDeps, repository: Repository, name: string): Promise<void> {
  await briefly(db, async (trx) => {
    await holdRepository(trx, repository);
    const count = await trx('registry_tags').where({ repository_id: repository.id, name }).delete();
    if (count === 0) throw new OciError('MANIFEST_UNKNOWN', `There is no tag ${name} in this repository.`);
    if (await isImmutable(trx, repository)) throw keptTags(1);
    await withdrawImages(trx, repository.id);
  });
}

/** Removes a manifest and the tags that mean it. Throws `OciError`, also while a list has it as a part. */
export async function deleteManifest(deps: RegistryDeps, repository: Repository, digest: string): Promise<void> {
  const key = { repository_id: repository.id, digest };
  try {
    await withUpstream(deps.db, async (trx) => {
      await holdRepository(trx, repository);
      await lockContent(trx, digest);
      const tags = await trx('registry_tags').where({ repository_id: repository.id, manifest_digest: digest }).delete();
      if (tags > 0 && (await isImmutable(trx, repository))) throw keptTags(tags);
      const count = await trx('registry_manifests').where(key).delete();
      if (count === 0) throw new OciError('MANIFEST_UNKNOWN', `There is no manifest ${digest} in this repository.`);
      await withdrawImages(trx, repository.id);
      await deps.upstream.removeManifest(repository.id, digest);
      await removeUnowned(trx, deps.storageDirectory, digest);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'registry_manifest_children_child') throw error;
    throw new OciError('DENIED', `Manifest ${digest} is part of a list of manifests; delete that first.`, {
      cause: error,
    });
  }
}

const keptTags = (count: number) =>
  new OciError('DENIED', `Tags of this repository are not removed (${count} would be): they are immutable.`);

/** In the order of their names, those after `last`. */
export async function listTags(
  db: Knex,
  repositoryId: string,
  { last, limit }: { last: string | undefined; limit: number },
): Promise<{ names: string[]; more: boolean }> {
  const names: string[] = await db('registry_tags')
    .where({ repository_id: repositoryId })
    .modify((query) => {
      if (last !== undefined) query.where('name', '>', last);
    })
    .orderBy('name')
    .limit(limit + 1)
    .pluck('name');
  return { names: names.slice(0, limit), more: names.length > limit };
}

/** What one answer holds at most, about: however many there are, and whatever they say of themselves. */
const mostReferrers = 1000;
const mostReferrerBytes = 4 * 2 ** 20;
/** Of one in the answer, besides its annotations. */
const descriptorBytes = 512;

export interface Referrer {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** What is about another manifest: signatures, lists of contents. In the order of their digests, those after `last`. */
export async function listReferrers(
  db: Knex,
  repositoryId: string,
  subjectDigest: string,
  { artifactType, last }: { artifactType?: string | undefined; last?: string | undefined } = {},
): Promise<{ referrers: Referrer[]; more: boolean }> {
  const found = db('registry_manifests')
    .where({ repository_id: repositoryId, subject_digest: subjectDigest })
    .modify((query) => {
      if (artifactType !== undefined) query.where({ artifact_type: artifactType });
      if (last !== undefined) query.where('digest', '>', last);
    })
    .orderBy('digest')
    .limit(mostReferrers + 1)
    .select('digest', 'media_type', 'size_bytes', 'artifact_type', 'annotations');
  // What is too much does not even come here. The first always does, or there would be no end of pages.
  const rows: Record<string, unknown>[] = await db
    .from(
      db
        .from(found.as('found'))
        .select('found.*')
        .select(
          db.raw('row_number() over (order by digest) as number'),
          db.raw('count(*) over () as count'),
          db.raw('sum(octet_length(annotations::text) + ?) over (order by digest) as bytes', [descriptorBytes]),
        )
        .as('counted'),
    )
    .where('number', '<=', mostReferrers)
    .where((fits) => fits.where('bytes', '<=', mostReferrerBytes).orWhere('number', 1))
    .orderBy('digest');
  const referrers = rows.map((row) => ({
    mediaType: row.media_type as string,
    digest: row.digest as string,
    size: row.size_bytes as number,
    ...(row.artifact_type !== null && { artifactType: row.artifact_type as string }),
    ...(Object.keys(row.annotations as object).length > 0 && {
      annotations: row.annotations as Record<string, string>,
    }),
  }));
  return { referrers, more: rows.length > 0 && (rows[0]!.count as number) > rows.length };
}
