import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { OciError } from '../errors.ts';
import {
  digestOf,
  garbageDeps,
  openTestUpstream,
  startRegistryCloud,
  storedContent,
  uploadsOnDisk,
} from '../testing.ts';
import { ensureRepository } from './repositories.ts';
import { appendToUpload, startUpload } from './uploads.ts';

const mib = 2 ** 20;

test('no project has more in the registry than it may, however many push at once', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [admin, member, docker] = [cloud.as('admin'), cloud.as('member'), cloud.dockerAs('member')];
  const shown = async () => (await member.get('/registry/v1/project')).project;
  t.like(await shown(), { used_bytes: 0, limit_bytes: null, immutable_tags: false });
  const [service] = (await admin.get('/identity/v3/services?type=image')).services;
  const limit = { service_id: service.id, resource_name: 'registry_size_total', default_limit: 2 };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [limit] });

  // All are let begin, as there is room for each of them alone; one fits.
  const blobs = Array.from({ length: 6 }, (_, i) => Buffer.alloc(1.5 * mib, i));
  const answers = await Promise.all(blobs.map((blob, i) => docker.pushBlob(`p1/app${i % 2}`, blob)));
  t.is(answers.filter(({ status }) => status === 201).length, 1);
  for (const { status, body } of answers.filter((one) => one.status !== 201)) {
    t.is(status, 403);
    t.regex(body.errors[0].message, /registry_size_total/);
  }
  await cloud.settle();
  t.deepEqual(await uploadsOnDisk(cloud), []);
  t.like(await shown(), { used_bytes: 1.5 * mib, limit_bytes: 2 * mib });

  // What the project has already takes no more room, wherever in it.
  const kept = blobs[answers.findIndex(({ status }) => status === 201)]!;
  const name = answers.findIndex(({ status }) => status === 201) % 2 === 0 ? 'app0' : 'app1';
  const mounted = await docker.request(
    'POST',
    `/v2/p1/elsewhere/blobs/uploads/?mount=${digestOf(kept)}&from=p1/${name}`,
    { also: [`repository:p1/${name}:pull`] },
  );
  t.is(mounted.status, 201, mounted.text);
  t.is((await shown()).used_bytes, 1.5 * mib);

  // One that is too large is ended while it comes.
  const large = await docker.pushBlob('p1/app', Buffer.alloc(3 * mib));
  t.is(large.status, 403);
  t.is(large.body.errors[0].code, 'DENIED');
  await cloud.settle();
  t.deepEqual(await uploadsOnDisk(cloud), []);
  t.deepEqual(await storedContent(cloud), [digestOf(kept)]);
  t.is(
    await cloud
      .db('registry_uploads')
      .count('*')
      .first()
      .then((row) => Number(row?.count)),
    0,
  );
  t.is((await cloud.dockerAs('stranger').pushBlob('p2/app', 'their own')).status, 201);
});

test('an upload ends when others have taken its room meanwhile, or the disk has none left for it', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [admin, docker] = [cloud.as('admin'), cloud.dockerAs('member')];
  const [service] = (await admin.get('/identity/v3/services?type=image')).services;
  const limit = { service_id: service.id, resource_name: 'registry_size_total', default_limit: 1 };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [limit] });
  const deps = garbageDeps(cloud, openTestUpstream(t, cloud)) as unknown as Parameters<typeof appendToUpload>[0];
  const repository = (await ensureRepository(cloud.db, cloud.as('member').projectId, 'app'))!;
  const [upload, other] = [await startUpload(deps, repository), await startUpload(deps, repository)];
  const others = cloud.db('registry_uploads').where({ id: other.id });
  async function* slowly() {
    yield Buffer.from('first');
    await others.update({ is_over: true, received_bytes: mib });
    for (let i = 0; i < 300; i += 1) {
      yield Buffer.from('more');
      await delay(50);
    }
  }
  const appended = appendToUpload(deps, repository, upload, Readable.from(slowly()));
  t.is((await t.throwsAsync(appended, { instanceOf: OciError })).code, 'DENIED');
  await cloud.settle();

  const full = { ...deps, hasRoom: async () => false };
  const refused = appendToUpload(
    full,
    repository,
    await startUpload(deps, repository),
    Readable.from([Buffer.from('x')]),
  );
  t.is((await t.throwsAsync(refused, { instanceOf: OciError })).code, 'UNAVAILABLE');
  await cloud.settle();
  t.deepEqual(await cloud.db('registry_uploads'), []);
  t.deepEqual(await uploadsOnDisk(cloud), []);
  t.is((await docker.pushBlob('p1/app', 'there is room again')).status, 201);
});
