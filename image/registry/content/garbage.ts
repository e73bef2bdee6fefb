/**
 * What nobody has goes. The registry server's own `garbage-collect` is not used: it keeps what manifests refer to and nothing
 * else, so that it would take the layers of a push from under it, and nothing may be written while it runs. Here the rows
 * say what is whose; each removal holds its digest alone, and all else goes on.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Knex } from '../../../common/database/database.ts';
import { violatedConstraint } from '../../../common/database/database.ts';
import type { Logger } from '../../../common/logger.ts';
import type { Upstream } from '../upstream.ts';
import { blobsIn, lockContent, ownedAmong, removeUnowned } from './bytes.ts';
import { withUpstream } from './transactions.ts';

export interface GarbageDeps {
  db: Knex;
  upstream: Upstream;
  log: Logger;
  /** Where the registry server keeps everything. */
  storageDirectory: string;
  /** For so long a blob stays that no manifest refers to: the push that brought it may still be under way. */
  keepUnreferencedSeconds: number;
}

/** An upload that has not been heard of for so long was given up; docker pauses for less than a minute. */
const uploadSilenceSeconds = 3600;
const atOnce = 500;

/** Where the registry server keeps repositories: https://distribution.github.io/distribution/storage-drivers/filesystem/ */
const repositoriesIn = (storage: string) => join(storage, 'docker', 'registry', 'v2', 'repositories');

/** Everything of a repository: its rows, what refers to content there, and then the content that nobody else has. */
export async function removeRepository(deps: GarbageDeps, id: string): Promise<void> {
  const { db, storageDirectory } = deps;
  const digests = await withUpstream(db, async (trx) => {
    const content = new Set<string>();
    for (const table of ['tags', 'uploads', 'manifests', 'blobs']) {
      if (table === 'manifests') await trx('registry_manifest_children').where({ repository_id: id }).delete();
      const rows = trx(`registry_${table}`).where({ repository_id: id });
      if (table === 'tags' || table === 'uploads') await rows.delete();
      else for (const { digest } of await rows.delete('digest')) content.add(digest);
    }
    await rm(join(repositoriesIn(storageDirectory), id), { recursive: true, force: true });
    await trx('registry_repositories').where({ id }).delete();
    return content;
  });
  for (const digest of digests) await removeContent(deps, digest); // what this does not come to is for the sweep
}

/** False when somebody has it. */
async function removeContent({ db, storageDirectory }: GarbageDeps, digest: string): Promise<boolean> {
  return await withUpstream(db, async (trx) => {
    await lockContent(trx, digest);
    return await removeUnowned(trx, storageDirectory, digest);
  });
}

/** Uploads that are over, or have gone silent. */
export function lostUploads({ db }: Pick<GarbageDeps, 'db'>) {
  return db('registry_uploads').where((lost) =>
    lost.where('is_over', true).orWhereRaw('seen_at < now() - make_interval(secs => ?)', [uploadSilenceSeconds]),
  );
}

/** What has come of such an upload, and then its row. */
export async function removeUpload(deps: GarbageDeps, id: string): Promise<void> {
  const row = await lostUploads(deps).where({ id }).first('repository_id', 'location');
  if (row === undefined) return;
  const [, name] = /\/uploads\/([0-9a-f-]{36})(?:\?|$)/.exec(row.location) ?? [];
  const directory = join(repositoriesIn(deps.storageDirectory), row.repository_id, '_uploads');
  if (name !== undefined) await rm(join(directory, name), { recursive: true, force: true });
  await lostUploads(deps).where({ id }).delete();
}

/** Blobs that no manifest of their repository refers to, and nobody has pushed or asked for of late. */
export async function sweepUnreferenced(deps: GarbageDeps): Promise<number> {
  const { db, upstream, storageDirectory, keepUnreferencedSeconds } = deps;
  const candidates: { repositoryId: string; digest: string }[] = await db('registry_blobs as b')
    .whereRaw('b.seen_at < now() - make_interval(secs => ?)', [keepUnreferencedSeconds])
    .whereNotExists((refers) =>
      refers
        .from('registry_manifest_blobs as m')
        .whereRaw('m.repository_id = b.repository_id and m.blob_digest = b.digest'),
    )
    .limit(atOnce)
    .select({ repositoryId: 'b.repository_id', digest: 'b.digest' });
  let removed = 0;
  for (const { repositoryId, digest } of candidates) {
    try {
      await withUpstream(db, async (trx) => {
        await lockContent(trx, digest);
        const count = await trx('registry_blobs')
          .where({ repository_id: repositoryId, digest })
          .whereRaw('seen_at < now() - make_interval(secs => ?)', [keepUnreferencedSeconds]) // or it was asked for since
          .delete();
        if (count === 0) return;
        await upstream.unlinkBlob(repositoryId, digest);
        await removeUnowned(trx, storageDirectory, digest);
        removed += 1;
      });
    } catch (error) {
      if (violatedConstraint(error) === undefined) throw error; // a manifest refers to it since we looked
    }
  }
  return removed;
}

/** Content that no repository has, and what is left of repositories that are gone. @returns digests. */
export async function sweepContent(deps: GarbageDeps): Promise<string[]> {
  const { db, storageDirectory } = deps;
  const removed: string[] = [];
  for (const prefix of await namesIn(blobsIn(storageDirectory))) {
    const names = (await namesIn(join(blobsIn(storageDirectory), prefix))).filter((name) =>
      /^[0-9a-f]{64}$/.test(name),
    );
    const digests = names.map((name) => `sha256:${name}`);
    const owned = await ownedAmong(db, digests);
    for (const digest of digests.filter((one) => !owned.has(one))) {
      if (await removeContent(deps, digest)) removed.push(digest); // or it was pushed since we looked
    }
  }
  await sweepRepositories(db, storageDirectory);
  await sweepUploadDirectories(db, storageDirectory);
  return removed;
}

/** A repository's row is there before anything of it is. */
async function sweepRepositories(db: Knex, storageDirectory: string): Promise<void> {
  const names = (await namesIn(repositoriesIn(storageDirectory))).filter((name) =>
    /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name),
  );
  const known = new Set<string>(await db('registry_repositories').whereIn('id', names).pluck('id'));
  for (const name of names)
    if (!known.has(name)) await rm(join(repositoriesIn(storageDirectory), name), { recursive: true, force: true });
}

/** What came for uploads that no row knows, as after a crash while one was begun; a while after, as its row comes later. */
async function sweepUploadDirectories(db: Knex, storageDirectory: string): Promise<void> {
  for (const repository of await namesIn(repositoriesIn(storageDirectory))) {
    const directory = join(repositoriesIn(storageDirectory), repository, '_uploads');
    const names = await namesIn(directory);
    if (names.length === 0) continue;
    const locations: string[] = await db('registry_uploads').where({ repository_id: repository }).pluck('location');
    for (const name of names.filter((one) => !locations.some((location) => location.includes(one)))) {
      const { mtimeMs } = await stat(join(directory, name)).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > uploadSilenceSeconds * 1000)
        await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/** Nothing, where nothing was pushed yet. */
async function namesIn(directory: string): Promise<string[]> {
  return await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
