/** Data of images that are in the registry: a store of them, beside the others. */
import type { Knex } from '../../../common/database/database.ts';
import { DataMissing, type ImageStore } from '../../stores/store.ts';
import { type NamedStore, registryStoreId } from '../../stores/stores.ts';
import { readManifest } from '../content/manifest.ts';
import type { Upstream } from '../upstream.ts';
import { type Archive, archiveOf, checkDigest } from './archive.ts';

export interface RegistryArchives {
  db: Knex;
  upstream: Pick<Upstream, 'openBlob' | 'readManifest'>;
}

/** The manifest of an image, as one file. Undefined when it is not there. */
export async function openArchive(
  { upstream }: RegistryArchives,
  repositoryId: string,
  { digest, mediaType }: { digest: string; mediaType: string },
): Promise<Archive | undefined> {
  const bytes = await upstream.readManifest(repositoryId, digest, mediaType);
  if (bytes === undefined) return undefined;
  const manifest = readManifest(checkDigest(bytes, digest), mediaType);
  return archiveOf({ upstream, repositoryId, manifest, manifestBytes: bytes });
}

/** The registry as one of the stores: what is pushed there is read from it, and nothing else comes to it. */
export function registryStore(archives: RegistryArchives): NamedStore {
  return {
    id: registryStoreId,
    description: 'Container images that were pushed to the registry',
    type: 'registry',
    weight: 0,
    isReadOnly: true,
    properties: {},
    data: registryData(archives),
  };
}

function registryData(archives: RegistryArchives): ImageStore {
  const { db } = archives;
  return {
    put: async () => {
      throw new Error('data comes to the registry by being pushed');
    },
    async open(id, range) {
      const row = await db('registry_images as i')
        .join('registry_manifests as m', (on) =>
          on.on('m.repository_id', 'i.repository_id').andOn('m.digest', 'i.runs_digest'),
        )
        .where('i.data_id', id)
        .first('i.repository_id', 'm.digest', 'm.media_type');
      const manifest = row && { digest: row.digest, mediaType: row.media_type };
      const archive = row && (await openArchive(archives, row.repository_id, manifest));
      if (!archive) throw new DataMissing(`The data of the image is not in the registry any more.`);
      return archive.open(range);
    },
    async remove(id) {
      await db('registry_images').where({ data_id: id }).delete();
    },
    list: async () => await db('registry_images').pluck('data_id'),
    sweep: async () => [], // the registry's own loops know what is nobody's
    localPath: async () => undefined,
    check: async () => undefined,
  };
}
