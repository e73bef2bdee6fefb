import { makeDockerArchive } from '../../../image/inspection/corpus.ts';
import { images, makeActive, rawBare } from '../../../image/testing.ts';
import type { Making } from '../things.ts';

export async function makeImageThings({ owner, mark }: Making, { partner }: { partner: string }) {
  const queued = async (name: string) => (await owner.post(images, { name: `${name}-${mark}`, ...rawBare })).id;
  const fields = { name: `image-${mark}`, visibility: 'shared', tags: ['blue'] };
  const image = await makeActive(owner, fields, Buffer.alloc(1024 * 1024));
  await owner.post(`${images}/${image.id}/members`, { member: partner }, 200);
  const docker = { name: `container-${mark}`, container_format: 'docker' };
  const containerImage = await makeActive(owner, docker, makeDockerArchive());
  return {
    image: image.id as string,
    containerImage: containerImage.id as string,
    queuedImage: (await queued('queued')) as string,
    spareImage: (await queued('spare')) as string,
  };
}
