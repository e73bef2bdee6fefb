/** Data of images that are in the registry: an `ImageStore` of them, beside that of all others. */
import { randomUUID } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { DataMissing, type ImageStore } from '../../stores/store.ts';
import { readManifest } from '../content/manifest.ts';
import type { Upstream } from '../upstream.ts';
import { type Archive, archiveOf, checkDigest } from './archive.ts';

export interface RegistryArchives {
  db: Knex;
  upstream: Pick<Upstream, 'openBlob' | 'readManifest'>;
}

/** Ids of such data are UUIDs of version 8 (RFC 9562), which nobody else makes, so that they are told without a look. */
export function newRegistryDataId(): string {
  const id = randomUUID();
  return `${id.slice(0, 14)}8${id.slice(15)}`;
}

export const isRegistryDataId = (id: string): boolean => id[14] === '8';

/** The manifest of an image, as one file. Undefined when it is not there. */
export async function openArchive(
  { upstream }: RegistryArchives,
  repositoryId: string,
  { digest, mediaType }: { digest: string; mediaType: string },
  reference: string,
): Promise<Archive | undefined> {
  const bytes = await upstream.readManifest(repositoryId, digest, mediaType);
  if (bytes === undefined) return undefined;
  const manifest = readManifest(checkDigest(bytes, digest), mediaType);
  return archiveOf({ upstream, repositoryId, manifest, manifestBytes: bytes, reference });
}

/** Gives the data of images of the registry too. */
export function withRegistryImages(store: ImageStore, archives: RegistryArchives): ImageStore {
  const { db } = archives;
  return {
    ...store,
    async open(id, range) {
      if (!isRegistryDataId(id)) return store.open(id, range);
      const row = await db('registry_images as i')
        .join('registry_repositories as r', 'r.id', 'i.repository_id')
        .join('registry_manifests as m', (on) =>
          on.on('m.repository_id', 'i.repository_id').andOn('m.digest', 'i.runs_digest'),
        )
        .where('i.data_id', id)
        .first('i.repository_id', 'i.tag', 'm.digest', 'm.media_type', 'r.project_id', 'r.name');
      const reference = row && `${row.project_id}/${row.name}:${row.tag}`;
      const manifest = row && { digest: row.digest, mediaType: row.media_type };
      const archive = row && (await openArchive(archives, row.repository_id, manifest, reference));
      if (!archive) throw new DataMissing(`The data of the image is not in the registry any more.`);
      return archive.open(range);
    },
    async remove(id) {
      if (isRegistryDataId(id)) await db('registry_images').where({ data_id: id }).delete();
      else await store.remove(id);
    },
    localPath: async (id) => (isRegistryDataId(id) ? undefined : store.localPath(id)),
  };
}
