import { direct, stage, taskOf } from '../../../image/import/testing.ts';
import { makeDockerArchive } from '../../../image/inspection/corpus.ts';
import { images, makeActive, rawBare } from '../../../image/testing.ts';
import type { Making } from '../things.ts';

export async function makeImageThings({ cloud, owner, mark }: Making, { partner }: { partner: string }) {
  const queued = async (name: string) => (await owner.post(images, { name: `${name}-${mark}`, ...rawBare })).id;
  const fields = { name: `image-${mark}`, visibility: 'shared', tags: ['blue'], color: 'blue' };
  const image = await makeActive(owner, fields, Buffer.alloc(1024 * 1024));
  await owner.post(`${images}/${image.id}/members`, { member: partner }, 200);
  const docker = { name: `container-${mark}`, container_format: 'docker' };
  const containerImage = await makeActive(owner, docker, makeDockerArchive());
  const stagedImage: string = await queued('staged');
  const importedImage: string = await queued('imported');
  for (const id of [stagedImage, importedImage]) await stage(owner, id, 'some bytes');
  const copiedImage: string = await queued('copied');
  await stage(owner, copiedImage, 'some bytes');
  for (const id of [importedImage, copiedImage])
    await owner.post(`${images}/${id}/import`, { ...direct, all_stores: id === copiedImage }, 202);
  await cloud.settle();
  return {
    image: image.id as string,
    containerImage: containerImage.id as string,
    queuedImage: (await queued('queued')) as string,
    unstagedImage: (await queued('unstaged')) as string,
    stagedImage,
    importedImage,
    copiedImage,
    importTask: (await taskOf(owner, importedImage)).id as string,
    spareImage: (await queued('spare')) as string,
    proxiedImage: (await queued('proxied')) as string,
  };
}
