/** What hostile and unlucky clients do, and what is left of it on the disk: nothing. The README says which advisories had it. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud, type TestCloud } from '../tests/cloud.ts';
import { direct, download, stage, stagedFiles, startSite, taskOf } from './import/testing.ts';
import { makeCorpus } from './inspection/corpus.ts';
import { filesOf, images, makeActive, openUpload, patch, rawBare, until, upload } from './testing.ts';

const corpus = await makeCorpus();

/** The data of the images that there are, and not a file or byte more. */
async function hasOnlyLiveData(t: ExecutionContext, cloud: TestCloud): Promise<void> {
  const directory = join(cloud.config.dataDir, 'images');
  const onDisk = await Promise.all(
    (await filesOf(cloud)).map(async (name) => (await stat(join(directory, name))).size),
  );
  const { images: live } = await cloud.as('admin').get(`${images}?limit=1000`);
  const sizes = live.flatMap(({ size }: { size: number | null }) => size ?? []);
  const inOrder = (numbers: number[]) => numbers.toSorted((a, b) => a - b);
  t.deepEqual(inOrder(onDisk), inOrder(sizes));
  t.deepEqual(await stagedFiles(cloud), []);
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'conversions')).catch(() => []), []);
}

/** A token of the member's that expires so soon. */
async function briefToken(cloud: TestCloud, seconds: number): Promise<string> {
  const member = cloud.as('member');
  const expires_at = new Date(Date.now() + seconds * 1000).toISOString().slice(0, -1);
  const { application_credential: made } = await member.post(
    `/identity/v3/users/${member.userId}/application_credentials`,
    { application_credential: { name: `for ${seconds} seconds`, expires_at } },
  );
  const identity = {
    methods: ['application_credential'],
    application_credential: { id: made.id, secret: made.secret },
  };
  const body = { auth: { identity } };
  const login = await cloud.anonymous.request({ method: 'POST', path: '/identity/v3/auth/tokens', body });
  return String(login.headers['x-subject-token']);
}

test('a token that expires during an upload does not lose it, and is good for nothing else', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const isSaving = async () => (await member.get(`${images}/${id}`)).status === 'saving';
  for (let seconds = 2; ; seconds *= 2) {
    const token = await briefToken(cloud, seconds);
    const begun = await openUpload(cloud, { ...member, token: async () => token }, id);
    await begun.send(Buffer.alloc(1000, 1));
    const hasBegun = await Promise.race([begun.answer.then(() => false), until(isSaving).then(() => true)]);
    if (!hasBegun) continue; // a slow machine: it has expired before
    const show = () => cloud.server.inject({ url: `${images}/${id}`, headers: { 'x-auth-token': token } });
    await until(async () => (await show()).statusCode === 401);
    await begun.send(Buffer.alloc(1000, 2));
    t.is((await begun.finish()).status, 204);
    break;
  }
  t.like(await member.get(`${images}/${id}`), { status: 'active', size: 2000 });
  await hasOnlyLiveData(t, cloud);
});

test('wherever uploads and imports are cut, refused or deleted, the stores have the data of live images and no more', async (t) => {
  const site = await startSite(t, ({ url }, answer) => {
    answer.write('some of it');
    if (url === '/cut') setImmediate(() => answer.destroy());
    else if (url !== '/silent') answer.end();
  });
  const cloud = await startTestCloud(t, { ...site.settings, listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  await makeActive(member, { name: 'kept' }, Buffer.alloc(5000, 1));
  const make = async (fields: object = {}) => (await member.post(images, { ...rawBare, ...fields })).id as string;
  const becomes = (id: string, status: string) =>
    until(async () => (await member.get(`${images}/${id}`)).status === status);

  for (const to of ['file', 'stage'] as const) {
    for (const end of ['cut', 'deleted'] as const) {
      const id = await make();
      const begun = await openUpload(cloud, member, id, to);
      await begun.send(Buffer.alloc(300_000, 2));
      await becomes(id, to === 'file' ? 'saving' : 'uploading');
      if (end === 'deleted') await member.delete(`${images}/${id}`);
      begun.cut();
      await begun.answer.catch(() => undefined);
      if (end === 'cut') await becomes(id, 'queued');
    }
  }
  const qcow2 = corpus.get('qcow2 v3')!;
  t.is((await upload(member, await make(), qcow2)).status, 415);
  t.is((await upload(member, await make({ disk_format: 'vmdk' }), corpus.get('vmdk descriptor')!)).status, 415);
  const staged = await Promise.all(Array.from({ length: 3 }, () => make()));
  for (const id of staged) await stage(member, id, id === staged[0] ? qcow2 : 'good data');
  await member.delete(`${images}/${staged[1]}`);
  for (const id of [staged[0], staged[2]]) await member.post(`${images}/${id}/import`, direct, 202);
  await member.delete(`${images}/${staged[2]}`);
  const cut = await make();
  await member.post(`${images}/${cut}/import`, download(`${site.url}/cut`), 202);
  const gone = await make();
  await member.post(`${images}/${gone}/import`, download(`${site.url}/whole`), 202);
  await member.delete(`${images}/${gone}`);
  await cloud.settle();
  const deleted = await makeActive(member);
  await member.delete(`${images}/${deleted.id}`);
  await cloud.settle();
  await cloud.sweep();
  t.like(await taskOf(member, staged[0]!), { status: 'failure' });
  t.like(await taskOf(member, cut), { status: 'failure' });
  await hasOnlyLiveData(t, cloud);
  t.is((await filesOf(cloud)).length, 1);
});

test('a disk larger than the operator lets images hold is refused, however small the image is', async (t) => {
  const cloud = await startTestCloud(t, { imageMaximumVirtualGib: 100 });
  const member = cloud.as('member');
  const bytes = Buffer.from(corpus.get('qcow2 v3')!);
  for (const [gib, status] of [
    [101n, 415],
    [2n ** 33n, 415],
  ] as const) {
    bytes.writeBigUInt64BE(gib * 2n ** 30n, 24);
    const { id } = await member.post(images, { ...rawBare, disk_format: 'qcow2' });
    const answer = await upload(member, id, bytes);
    t.is(answer.status, status);
    t.regex(answer.body.error.message, /virtual size is beyond the limit/);
    await stage(member, id, bytes);
    await member.post(`${images}/${id}/import`, direct, 202);
    await cloud.settle();
    t.regex((await taskOf(member, id)).message, /virtual size is beyond the limit/);
  }
  await hasOnlyLiveData(t, cloud);
});

test('an image that has data keeps what was inspected: its data, status, checksums, sizes, formats and owner', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const before = await makeActive(member);
  const path = `${images}/${before.id}`;
  const file = [{ url: 'file:///etc/passwd', metadata: {} }];
  for (const key of [
    ...[
      'status',
      'checksum',
      'size',
      'virtual_size',
      'os_hash_algo',
      'os_hash_value',
      'locations',
      'direct_url',
      'stores',
    ],
    ...['disk_format', 'container_format', 'id', 'created_at', 'updated_at', 'self', 'file', 'schema', 'deleted'],
  ])
    for (const op of ['add', 'replace', 'remove'] as const)
      for (const client of [member, admin]) {
        const value = key === 'locations' ? file : key === 'container_format' ? 'docker' : 'qcow2';
        const answer = await patch(client, before.id, [{ op, path: `/${key}`, ...(op !== 'remove' && { value }) }]);
        t.is(answer.status, 403, `${op} ${key}: ${answer.text}`);
      }
  t.is((await upload(member, before.id, 'other')).status, 409);
  t.is((await stage(member, before.id, 'other')).status, 409);
  await member.post(`${path}/import`, download('http://example.com/x'), 409);
  await admin.post(`${path}/locations`, { url: file[0]!.url }, 404);
  await admin.post('/image/v2/tasks', { type: 'import', input: { import_from: file[0]!.url } }, 405);
  t.deepEqual(await member.get(path), before);
  await hasOnlyLiveData(t, cloud);
});

test('a download carries nothing of ours to where it asks', async (t) => {
  const seen: string[] = [];
  const site = await startSite(t, ({ headers, url }, answer) => {
    seen.push(...Object.keys(headers));
    if (url === '/') answer.writeHead(302, { location: '/there', 'set-cookie': 'a=b' }).end();
    else answer.end('data');
  });
  const cloud = await startTestCloud(t, site.settings);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await member.post(`${images}/${id}/import`, download(`${site.url}/`), 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'active' });
  t.deepEqual([...new Set(seen)].sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
});
