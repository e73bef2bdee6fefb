import { randomBytes } from 'node:crypto';
import test from 'ava';
import {
  digestOf,
  garbageDeps,
  imageManifest,
  makeImage,
  openTestUpstream,
  startRegistryCloud,
  storedContent,
} from '../testing.ts';
import { sweepContent, sweepUnreferenced } from './garbage.ts';

test('what no manifest refers to goes once no push can be about to, and its bytes with the last who has it', async (t) => {
  const cloud = await startRegistryCloud(t);
  const upstream = openTestUpstream(t, cloud);
  const [member, stranger] = [cloud.dockerAs('member'), cloud.dockerAs('stranger')];
  const deps = garbageDeps(cloud, upstream);
  const image = await member.push('p1/app', 'v1');
  const [young, old, shared, asked] = ['young', 'old', 'shared', 'asked for'].map((text) => Buffer.from(text));
  for (const blob of [young, old, shared, asked]) await member.pushBlob('p1/app', blob!);
  await stranger.pushBlob('p2/app', shared!);
  const since = (hours: number) => cloud.db.raw(`now() - interval '${hours} hours'`);
  await cloud.db('registry_blobs').update({ seen_at: since(2) });
  await cloud
    .db('registry_blobs')
    .where({ digest: digestOf(young!) })
    .update({ seen_at: since(0) });
  // A push that finds it here leaves it out, and counts on it; one that may only pull does not.
  const mayPush = { authorization: `Bearer ${await member.tokenFor('repository:p1/app:pull,push')}` };
  const path = (blob: Buffer) => `/v2/p1/app/blobs/${digestOf(blob)}`;
  const head = async (blob: Buffer) => (await member.request('HEAD', path(blob))).status;
  t.is((await cloud.anonymous.request({ method: 'HEAD', path: path(asked!), headers: mayPush })).status, 200);
  t.is(await head(old!), 200);

  t.is(await sweepUnreferenced(deps), 3, 'old, shared in one of its places, and shared in the other');
  t.deepEqual(await Promise.all([young!, old!, shared!, asked!, image.layer].map(head)), [200, 404, 404, 200, 200]);
  t.deepEqual(await sweepContent(deps), [], 'its bytes went with it');
  const kept = [digestOf(young!), digestOf(asked!), digestOf(image.layer), digestOf(image.config), image.digest];
  t.deepEqual((await storedContent(cloud)).sort(), kept.sort());

  t.is((await member.request('DELETE', `/v2/p1/app/manifests/${image.digest}`)).status, 202);
  await cloud.db('registry_blobs').update({ seen_at: since(2) });
  await sweepUnreferenced(deps);
  t.deepEqual(await storedContent(cloud), []);
  t.is((await member.push('p1/app', 'v1', { layer: image.layer })).status, 201, 'and can be pushed again');
  t.deepEqual((await member.request('GET', '/v2/p1/app/manifests/v1')).text, image.manifest);
});

test('whoever pushes while everything is swept loses nothing of it', async (t) => {
  const cloud = await startRegistryCloud(t);
  const deps = garbageDeps(cloud, openTestUpstream(t, cloud));
  const docker = cloud.dockerAs('member');
  const layer = randomBytes(50_000);
  let isOver = false;
  const sweeping = (async () => {
    while (!isOver) {
      await sweepUnreferenced(deps);
      await sweepContent(deps);
    }
  })();
  for (let round = 0; round < 8; round += 1) {
    const image = await docker.push('p1/app', 'v1', { layer });
    t.is(image.status, 201, image.text);
    const pulled = await docker.request('GET', `/v2/p1/app/blobs/${digestOf(layer)}`);
    t.is(pulled.status, 200);
    t.is(pulled.headers['docker-content-digest'], digestOf(layer));
    // From the beginning: the same bytes come while they are being removed.
    await docker.request('DELETE', `/v2/p1/app/manifests/${image.digest}`);
    for (const blob of [layer, image.config]) await docker.request('DELETE', `/v2/p1/app/blobs/${digestOf(blob)}`);
    t.deepEqual(await storedContent(cloud), [], 'what is deleted leaves its room at once');
  }
  isOver = true;
  await sweeping;
});

test('what a crash left at the registry server is not there, goes, and can be pushed again', async (t) => {
  const cloud = await startRegistryCloud(t);
  const upstream = openTestUpstream(t, cloud);
  const docker = cloud.dockerAs('member');
  await docker.pushBlob('p1/app', 'makes the repository');
  const [id] = await cloud.db('registry_repositories').pluck('id');
  const image = makeImage(randomBytes(1000));
  // As far as it was done when our process died, before each of its transactions ended.
  for (const blob of [image.layer, image.config]) {
    async function* body() {
      yield blob;
    }
    await upstream.finishUpload(await upstream.append(await upstream.startUpload(id), body()), digestOf(blob));
  }
  await upstream.putManifest(id, image.digest, imageManifest, Buffer.from(image.manifest));
  const paths = [`blobs/${digestOf(image.layer)}`, `manifests/${image.digest}`].map((path) => `/v2/p1/app/${path}`);
  for (const path of paths) t.is((await docker.request('GET', path)).status, 404);
  await sweepContent(garbageDeps(cloud, upstream));
  t.deepEqual(await storedContent(cloud), [digestOf('makes the repository')]);
  for (const blob of [image.layer, image.config]) t.is((await docker.pushBlob('p1/app', blob)).status, 201);
  t.is((await docker.pushManifest('p1/app', 'v1', image.manifest)).status, 201);
  for (const path of paths) t.is((await docker.request('GET', path)).status, 200);
});

test('with a project go its repositories, their images and their bytes', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  await docker.push('p1/app', 'v1');
  await docker.request('POST', '/v2/p1/app/blobs/uploads/');
  await cloud.settle();
  t.is((await cloud.db('registry_images')).length, 1);
  await cloud.as('admin').delete(`/identity/v3/projects/${cloud.as('member').projectId}`);
  await cloud.sweep();
  await cloud.settle();
  for (const table of ['repositories', 'blobs', 'manifests', 'tags', 'uploads', 'images'])
    t.deepEqual(await cloud.db(`registry_${table}`), [], table);
  t.deepEqual(await cloud.db('images').whereNull('deletion_requested_at'), []);
  t.deepEqual(await storedContent(cloud), []);
});
