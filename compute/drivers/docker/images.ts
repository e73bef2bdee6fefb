/** Images in the engine's store, each under the tag made from our id. */

import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { CloudError, Unavailable } from '../../../common/errors.ts';
import { DiskFull } from '../driver.ts';
import { cleanArchive, readArchive } from './archive.ts';
import { BadArchive } from './archive-manifest.ts';
import { renamed, statusOf } from './errors.ts';
import { imageIdOf, imageTag } from './names.ts';

/** The engine's own id of an image of ours; undefined when it has none. */
export async function findImage(docker: Docker, imageId: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(imageTag(imageId)).inspect();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw renamed(error, 'Image', imageId);
  }
}

/** Loads an archive under our tag, which the engine sets as the last step of loading. @throws BadArchive for the user. */
export async function loadImage(docker: Docker, imageId: string, archivePath: string): Promise<void> {
  if ((await findImage(docker, imageId)) !== undefined) return;
  const image = await readArchive(archivePath);
  const { Arch: hostArchitecture } = await docker.version().catch((error) => {
    throw renamed(error, 'Image', imageId);
  });
  if (image.architecture !== '' && image.architecture !== hostArchitecture) {
    throw new BadArchive(`it is for ${image.architecture}, the host is ${hostArchitecture}`);
  }
  const answer = await load(docker, imageId, cleanArchive(image, imageTag(imageId)));
  const failure = /"error":"(.*?)"[,}]/.exec(answer)?.[1];
  if (failure !== undefined) {
    const cause = { cause: new Error(failure) };
    if (/no space left/.test(failure)) throw new DiskFull('The host has no disk space left for the image.', cause);
    throw new BadArchive('the container engine of the host cannot read its layers', cause);
  }
  const loaded = await findImage(docker, imageId);
  if (loaded?.Id !== image.engineId) {
    throw new Unavailable(`Image ${imageId} was not loaded.`, { cause: new Error(answer.slice(0, 500)) });
  }
}

async function load(docker: Docker, imageId: string, archive: Readable): Promise<string> {
  // docker-modem only pipes it: an error of reading would be nobody's, and the engine would wait for the rest for ever.
  const giveUp = new AbortController();
  archive.on('error', (error) => giveUp.abort(error));
  try {
    const response = await docker.loadImage(archive, { quiet: true, abortSignal: giveUp.signal });
    // Types cannot tell the overload with a callback from the one with a promise.
    return await textOf(response as unknown as Readable);
  } catch (error) {
    if (giveUp.signal.aborted) {
      throw new CloudError(`Image ${imageId} could not be read on the host.`, { cause: giveUp.signal.reason });
    }
    throw renamed(error, 'Image', imageId);
  } finally {
    archive.destroy(); // the engine may have answered before its end
  }
}

export async function listImages(docker: Docker): Promise<string[]> {
  const images = await docker.listImages({ filters: { reference: ['cirrostack/*'] } });
  const ids = images.flatMap(({ RepoTags }) => (RepoTags ?? []).map(imageIdOf)).filter((id) => id !== undefined);
  return [...new Set(ids)];
}

/** Takes our tag off; the engine deletes the layers with the last one. @throws Conflict while a container is made of it. */
export async function removeImage(docker: Docker, imageId: string): Promise<void> {
  try {
    await docker.getImage(imageTag(imageId)).remove();
  } catch (error) {
    if (statusOf(error) !== 404) throw renamed(error, 'Image', imageId);
  }
}

/** The daemon's answer is a few lines; what is longer is not kept. */
async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) if (text.length < 65_536) text += String(chunk);
  return text;
}
