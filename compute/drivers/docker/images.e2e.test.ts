/** Hostile and damaged archives against the Docker Engine of this machine. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import { Conflict } from '../../../common/errors.ts';
import { buildBusyboxImage } from '../../container-image/build.ts';
import { BadArchive } from './archive-manifest.ts';
import { DockerDriver } from './driver.ts';
import { imageTag } from './names.ts';

const socketPath = process.env.DOCKER_SOCKET ?? '/var/run/docker.sock';
const docker = new Docker({ socketPath });

async function makeHost(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-images-'));
  const driver = new DockerDriver({ socketPath, stateDirectory: directory });
  t.teardown(async () => {
    await driver.close();
    await rm(directory, { recursive: true });
  });
  const archive = join(directory, 'image.tar');
  await buildBusyboxImage(archive, { command: ['sleep', randomUUID()] }); // an image of this test's own
  const newImageId = () => {
    const id = randomUUID();
    t.teardown(() => driver.removeImage(id));
    return id;
  };
  return { driver, directory, archive, newImageId };
}

type Files = Map<string, Buffer>;

async function filesOf(path: string): Promise<Files> {
  const files: Files = new Map();
  const reader = extract();
  reader.end(await readFile(path));
  for await (const entry of reader) files.set(entry.header.name, await buffer(entry));
  return files;
}

async function changed(path: string, target: string, change: (files: Files) => void): Promise<string> {
  const files = await filesOf(path);
  change(files);
  const archive = pack();
  const bytes = buffer(archive);
  for (const [name, content] of files) archive.entry({ name }, content);
  archive.finalize();
  await writeFile(target, await bytes);
  return target;
}

const changeManifest = (
  files: Files,
  change: (image: { Config: string; RepoTags: string[]; Layers: string[] }) => void,
) => {
  const manifest = JSON.parse(files.get('manifest.json')!.toString());
  change(manifest[0]);
  files.set('manifest.json', Buffer.from(JSON.stringify(manifest)));
};

test("an archive cannot take another project's image over, or name anything on the host", async (t) => {
  const { driver, directory, archive, newImageId } = await makeHost(t);
  const [victim, attacker, stranger] = [newImageId(), newImageId(), `stranger-${randomUUID()}`];
  await driver.ensureImage(victim, archive);
  const before = (await docker.getImage(imageTag(victim)).inspect()).Id;
  const hostile = await changed(archive, join(directory, 'hostile.tar'), (files) => {
    changeManifest(files, (image) => {
      image.RepoTags = [imageTag(victim), `${stranger}:latest`];
      const config = files.get(image.Config)!.toString().replace('sleep', 'evil!');
      files.delete(image.Config);
      image.Config = '../../../../../../tmp/config.json';
      files.set(image.Config, Buffer.from(config));
    });
    files.set('repositories', Buffer.from(JSON.stringify({ [`cirrostack/${victim}`]: { latest: 'layer' } })));
  });
  await driver.ensureImage(attacker, hostile);
  t.is((await docker.getImage(imageTag(victim)).inspect()).Id, before);
  t.not((await docker.getImage(imageTag(attacker)).inspect()).Id, before);
  t.deepEqual((await docker.getImage(imageTag(attacker)).inspect()).RepoTags, [imageTag(attacker)]);
  await t.throwsAsync(docker.getImage(`${stranger}:latest`).inspect(), { message: /no such image/i });
});

test("an archive cannot name another project's layer beside its own, nor a volume", async (t) => {
  const { driver, directory, archive, newImageId } = await makeHost(t);
  const [victim, attacker] = [newImageId(), newImageId()];
  // A layer of the victim's own, so that the attacker's differs.
  const secret = await changed(archive, join(directory, 'secret.tar'), (files) => {
    const layer = Buffer.concat([files.get('layer.tar')!, Buffer.alloc(512)]);
    const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    files.set('layer.tar', layer);
    changeManifest(files, ({ Config }) => {
      const config = JSON.parse(files.get(Config)!.toString());
      files.set(Config, Buffer.from(JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: [diffId] } })));
    });
  });
  await driver.ensureImage(victim, secret);
  const theirs = (await docker.getImage(imageTag(victim)).inspect()).RootFS.Layers!;
  let mine: string[] = [];
  const hostile = await changed(archive, join(directory, 'hostile.tar'), (files) => {
    changeManifest(files, ({ Config }) => {
      const config = JSON.parse(files.get(Config)!.toString());
      mine = config.rootfs.diff_ids;
      config.config.Volumes = { '/data': {} };
      files.set(Config, Buffer.from(JSON.stringify({ ...config, RootFS: { type: 'layers', diff_ids: theirs } })));
    });
  });
  t.notDeepEqual(mine, theirs);
  await driver.ensureImage(attacker, hostile);
  const { RootFS, Config } = await docker.getImage(imageTag(attacker)).inspect();
  t.deepEqual(RootFS.Layers, mine);
  t.falsy(Config.Volumes);
});

test('one content under two ids is kept until the last of them is removed', async (t) => {
  const { driver, archive, newImageId } = await makeHost(t);
  const [one, other] = [newImageId(), newImageId()];
  await Promise.all([
    driver.ensureImage(one, archive),
    driver.ensureImage(other, archive),
    driver.ensureImage(one, archive),
  ]);
  await driver.removeImage(one);
  t.true((await driver.listImages()).includes(other));
  t.false((await driver.listImages()).includes(one));
});

test('an image that a container is made of is not removed', async (t) => {
  const { driver, archive, newImageId } = await makeHost(t);
  const id = newImageId();
  await driver.ensureImage(id, archive);
  const container = await docker.createContainer({ Image: imageTag(id), HostConfig: { NetworkMode: 'none' } });
  try {
    await t.throwsAsync(driver.removeImage(id), { instanceOf: Conflict });
  } finally {
    await container.remove();
  }
  await driver.removeImage(id);
});

test('a layer that is not the one of the configuration, or not a layer, is refused and leaves nothing', async (t) => {
  const { driver, directory, archive, newImageId } = await makeHost(t);
  const otherLayer = await changed(archive, join(directory, 'other.tar'), (files) => {
    const layer = files.get('layer.tar')!;
    layer.write('etc/other', layer.indexOf('etc/passwd'));
    files.set('layer.tar', layer);
  });
  const noLayer = await changed(archive, join(directory, 'none.tar'), (files) => {
    files.set('layer.tar', Buffer.from('not a layer'.repeat(100)));
    changeManifest(files, (image) => {
      const config = JSON.parse(files.get(image.Config)!.toString());
      const diffId = createHash('sha256').update(files.get('layer.tar')!).digest('hex');
      files.set(
        image.Config,
        Buffer.from(JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] } })),
      );
    });
  });
  for (const bad of [otherLayer, noLayer]) {
    const id = newImageId();
    await t.throwsAsync(driver.ensureImage(id, bad), { instanceOf: BadArchive });
    t.false((await driver.listImages()).includes(id));
  }
});

test('an image for another processor is refused by name', async (t) => {
  const { driver, directory, archive, newImageId } = await makeHost(t);
  const foreign = await changed(archive, join(directory, 'foreign.tar'), (files) => {
    changeManifest(files, ({ Config }) => {
      const config = JSON.parse(files.get(Config)!.toString());
      files.set(Config, Buffer.from(JSON.stringify({ ...config, architecture: 's390x' })));
    });
  });
  await t.throwsAsync(driver.ensureImage(newImageId(), foreign), { instanceOf: BadArchive, message: /s390x/ });
});

test('an archive that is not there is not the fault of its user', async (t) => {
  const { driver, directory, newImageId } = await makeHost(t);
  await t.throwsAsync(driver.ensureImage(newImageId(), join(directory, 'missing.tar')), { code: 'ENOENT' });
});
