import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { pack } from 'tar-stream';
import { readArchive } from '../../../compute/drivers/docker/archive.ts';
import { images } from '../../testing.ts';
import { digestOf, makeImage, startRegistryCloud } from '../testing.ts';

async function makeLayer(name: string): Promise<Buffer> {
  const archive = pack();
  const written = buffer(archive);
  archive.entry({ name }, `content of ${name}`);
  archive.finalize();
  return written;
}

test('a pushed tag is an image with data that containers are made of, until it means something else', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [member, docker] = [cloud.as('member'), cloud.dockerAs('member')];
  const layer = await makeLayer('first');
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    config: { Cmd: ['/bin/true'] },
  });
  const first = await docker.push('p1/app', 'v1', { layer: gzipSync(layer), config });
  await cloud.settle();
  const list = async () => (await member.get(`${images}?container_format=docker`)).images;
  const [image, ...more] = await list();
  t.deepEqual(more, []);
  t.like(image, {
    name: 'app:v1',
    status: 'active',
    owner: member.projectId,
    disk_format: 'raw',
    registry_repository: `${member.projectId}/app`,
    registry_tag: 'v1',
    registry_digest: first.digest,
  });
  t.deepEqual((await cloud.as('stranger').get(`${images}?container_format=docker`)).images, []);

  const download = (headers = {}) =>
    cloud.server.inject({ url: `${images}/${image.id}/file`, headers: { ...headers, 'x-auth-token': '' } });
  const headers = { 'x-auth-token': await member.token() };
  const whole = (await cloud.server.inject({ url: `${images}/${image.id}/file`, headers })).rawPayload;
  t.is(whole.length, image.size);
  t.is(createHash('sha512').update(whole).digest('hex'), image.os_hash_value);
  for (const [first, last] of [
    [0, 0],
    [500, 1100],
    [image.size - 1, image.size - 1],
  ]) {
    const range = { ...headers, range: `bytes=${first}-${last}` };
    const part = await cloud.server.inject({ url: `${images}/${image.id}/file`, headers: range });
    t.is(part.statusCode, 206);
    t.deepEqual(part.rawPayload, whole.subarray(first, last! + 1));
  }
  t.is((await download()).statusCode, 401);
  const path = join(cloud.config.dataDir, 'archive');
  await writeFile(path, whole);
  t.is((await readArchive(path)).layers.length, 1);

  const second = await docker.push('p1/app', 'v1', { layer: gzipSync(await makeLayer('second')), config });
  t.is(second.status, 201);
  t.is((await member.request({ method: 'GET', path: `${images}/${image.id}` })).status, 404, 'hidden at once');
  await cloud.settle();
  t.deepEqual(
    (await list()).map((one: { registry_digest: string }) => one.registry_digest),
    [second.digest],
  );
  t.is((await docker.request('DELETE', '/v2/p1/app/manifests/v1')).status, 202);
  t.deepEqual(await list(), []);
});

test('a protected image keeps its tag, and what no container can be made of is no image', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [member, docker] = [cloud.as('member'), cloud.dockerAs('member')];
  const pushed = await docker.push('p1/app', 'v1', { layer: await makeLayer('one') });
  await cloud.settle();
  const [image] = (await member.get(`${images}?container_format=docker`)).images;
  // A second tag of it is not read again.
  const before = await cloud.db('registry_manifests').whereNotNull('archive_sha512');
  t.is(before.length, 1);
  await docker.pushManifest('p1/app', 'v2', pushed.manifest);
  await cloud.settle();
  const both = (await member.get(`${images}?container_format=docker`)).images;
  t.deepEqual(
    both.map((one: { os_hash_value: string }) => one.os_hash_value),
    [image.os_hash_value, image.os_hash_value],
  );
  await member.post(`${images}/${image.id}/actions/deactivate`, undefined, 204);
  for (const reference of ['v1', pushed.digest])
    t.is((await docker.request('GET', `/v2/p1/app/manifests/${reference}`)).status, 403, 'as in the image service');
  const layerDigest = JSON.parse(pushed.manifest).layers[0].digest;
  const layerPath = `/v2/p1/app/blobs/${layerDigest}`;
  const asked = async () =>
    Promise.all(['GET', 'HEAD'].map(async (method) => (await docker.request(method, layerPath)).status));
  const mount = async (to: string) => {
    const path = `/v2/p1/${to}/blobs/uploads/?mount=${layerDigest}&from=p1/app`;
    return (await docker.request('POST', path, { also: ['repository:p1/app:pull'] })).status;
  };
  t.deepEqual(await asked(), [403, 403], 'nor what it is made of');
  t.is(await mount('other'), 202, 'it has to be sent');
  await member.post(`${images}/${image.id}/actions/reactivate`, undefined, 204);
  t.deepEqual(await asked(), [200, 200]);
  t.is(await mount('other'), 201);
  t.is((await docker.request('DELETE', '/v2/p1/app/manifests/v2')).status, 202);
  const set = (value: boolean) =>
    member.request({
      method: 'PATCH',
      path: `${images}/${image.id}`,
      body: [{ op: 'replace', path: '/protected', value }],
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    });
  t.is((await set(true)).status, 200);
  for (const reference of ['v1', pushed.digest])
    t.is((await docker.request('DELETE', `/v2/p1/app/manifests/${reference}`)).status, 403);
  await set(false);
  const { id } = (await member.get('/registry/v1/repositories')).repositories[0];
  await member.delete(`/registry/v1/repositories/${id}`);
  t.deepEqual((await member.get(`${images}?container_format=docker`)).images, []);
  await cloud.settle();
  t.is((await docker.request('GET', '/v2/p1/app/tags/list')).status, 404);

  const { manifest, config } = makeImage(Buffer.from('a chart'), '{}');
  for (const blob of ['a chart', config]) await docker.pushBlob('p1/chart', blob);
  const artifact = { ...JSON.parse(manifest), artifactType: 'application/vnd.example.chart' };
  artifact.config.mediaType = 'application/vnd.example.config+json';
  t.is((await docker.pushManifest('p1/chart', 'v1', artifact)).status, 201);
  await cloud.settle();
  t.deepEqual((await member.get(`${images}?container_format=docker`)).images, []);
});
