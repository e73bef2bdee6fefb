import { createHash, randomBytes } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { dockerEntries, flatDescriptor, makeDockerArchive, makeIso, makeTar } from '../inspection/corpus.ts';
import { filesOf, images, makeActive, openUpload, rawBare, until, upload } from '../testing.ts';

const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');

test('uploaded data makes the image active, with its checksums, and is read back as it was', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const bytes = randomBytes(200_000);
  const image = await makeActive(member, {}, bytes);
  t.like(image, {
    status: 'active',
    size: bytes.length,
    virtual_size: bytes.length,
    checksum: hash('md5', bytes),
    os_hash_algo: 'sha512',
    os_hash_value: hash('sha512', bytes),
  });
  const answer = await cloud.server.inject({
    url: `${images}/${image.id}/file`,
    headers: { 'x-auth-token': await cloud.as('reader').token() },
  });
  t.is(answer.statusCode, 200);
  t.deepEqual(answer.rawPayload, bytes);
  t.like(answer.headers, {
    'content-type': 'application/octet-stream',
    'content-length': bytes.length,
    'content-md5': image.checksum,
  });
  await cloud.as('stranger').get(`${images}/${image.id}/file`, 404);
});

test('parts of the data can be asked for, as Glance reads it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await makeActive(member, {}, '0123456789');
  const part = async (asked: Record<string, string>) => {
    const path = `${images}/${id}/file`;
    const { status, text, headers } = await member.request({ method: 'GET', path, headers: asked });
    t.is(headers['content-md5'] !== undefined, status === 200, 'the checksum is that of the whole');
    return [status, status === 400 ? '' : text, headers['content-range']];
  };
  const none = [416, '', 'bytes */10'];
  for (const [range, expected] of [
    ['bytes=2-4', [206, '234', 'bytes 2-4/10']],
    ['bytes=7-', [206, '789', 'bytes 7-9/10']],
    ['bytes=-3', [206, '789', 'bytes 7-9/10']],
    ['bytes=8-99', [206, '89', 'bytes 8-9/10']],
    ['bytes=-99', [206, '0123456789', 'bytes 0-9/10']],
    ['bytes=0-', [206, '0123456789', 'bytes 0-9/10']],
    ['Bytes = 9 - 9', [206, '9', 'bytes 9-9/10']],
    ['bytes=0-1,3-4', [400, '', undefined]],
    ...['bytes=10-', 'bytes=-0', 'bytes=4-2', 'bytes=-', 'bytes=a-b', 'bytes=--1', 'lines=1-2', ''].map(
      (wrong) => [wrong, none] as const,
    ),
  ] as const)
    t.deepEqual(await part({ range }), [...expected], range);
  for (const [range, expected] of [
    ['bytes 2-4/*', [206, '234', 'bytes 2-4/10']],
    ['bytes 2-4/10', [206, '234', 'bytes 2-4/10']],
    ...['bytes 2-4/11', 'bytes 2-10/*', 'bytes 10-10/*', 'bytes 4-2/*', 'bytes */10', 'bytes=2-4', 'x'].map(
      (wrong) => [wrong, none] as const,
    ),
  ] as const)
    t.deepEqual(await part({ 'content-range': range }), [...expected], range);
  t.deepEqual(await part({ range: 'bytes=1-1', 'content-range': 'bytes 2-4/*' }), [206, '1', 'bytes 1-1/10']);
});

test('an upload is as large as was said, and no larger than any may be', async (t) => {
  const cloud = await startTestCloud(t, { imageSizeCap: 1000, listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const put = (to: string, payload: Buffer, more: Record<string, string> = {}) => {
    const headers = { 'content-type': 'application/octet-stream', ...more };
    return member.request({ method: 'PUT', path: `${images}/${id}/${to}`, payload, headers });
  };
  for (const to of ['file', 'stage']) {
    for (const [bytes, size, status] of [
      [1001, undefined, 413],
      [10, '1001', 413],
      [10, '11', 400],
      [10, '9', 400],
      [10, 'ten', 400],
      [10, '-10', 400],
    ] as const) {
      const answer = await put(to, Buffer.alloc(bytes, 1), size && { 'x-openstack-image-size': size });
      t.is(answer.status, status, `${to}, ${bytes} bytes, said to be ${size}: ${answer.text}`);
      t.is((await member.get(`${images}/${id}`)).status, 'queued');
      t.deepEqual(await filesOf(cloud), []);
    }
  }
  const chunked = await openUpload(cloud, member, id); // which says no size
  await chunked.send(Buffer.alloc(600, 1));
  await chunked.send(Buffer.alloc(600, 1));
  t.is((await chunked.finish()).status, 413);
  t.is((await put('file', Buffer.alloc(1000, 1), { 'x-openstack-image-size': '1000' })).status, 204);
});

test('an image without data has nothing to download', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await cloud.as('member').post(images, rawBare);
  await cloud.as('member').get(`${images}/${id}/file`, 204);
});

test('data that is not what the image says, or not safe, is refused with its reason and leaves nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const backed = Buffer.alloc(4096);
  backed.write('QFI\xfb\0\0\0\x03', 'latin1');
  backed.writeBigUInt64BE(512n, 8);
  backed.write('/etc/passwd', 512);
  const externalData = Buffer.from(backed);
  externalData.writeBigUInt64BE(0n, 8);
  externalData.writeBigUInt64BE(4n, 72);
  const noManifest = makeTar(dockerEntries.filter(({ name }) => name !== 'manifest.json'));
  const cases: [string, string, Buffer, RegExp][] = [
    ['qcow2', 'bare', backed, /backing file/],
    ['qcow2', 'bare', externalData, /external data file/],
    ['raw', 'bare', backed, /declared as raw but is qcow2/],
    ['raw', 'bare', makeIso(), /declared as raw but is an ISO/],
    ['qcow2', 'bare', randomBytes(5000), /declared as qcow2 but is raw data/],
    ['qcow2', 'bare', Buffer.alloc(0), /there is none/],
    ['vmdk', 'bare', Buffer.from(flatDescriptor), /names other files/],
    ['raw', 'docker', noManifest, /manifest.json/],
    ['raw', 'bare', makeDockerArchive(), /container_format docker/],
  ];
  for (const [disk_format, container_format, bytes, why] of cases) {
    const { id } = await member.post(images, { disk_format, container_format });
    const { status, body } = await upload(member, id, bytes);
    t.is(status, 415, `Glance's status, for ${why}`);
    t.regex(body.error.message, why);
    t.like(await member.get(`${images}/${id}`), { status: 'queued', size: null, checksum: null });
    t.deepEqual(await filesOf(cloud), []);
  }
});

test('a refused image can be given better data', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, { disk_format: 'raw', container_format: 'docker' });
  t.is((await upload(member, id, 'not an archive')).status, 415);
  t.is((await upload(member, id, makeDockerArchive())).status, 204);
  t.like(await member.get(`${images}/${id}`), { status: 'active', virtual_size: null });
});

test('data comes once, as bytes, to an image that says what it is', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id, checksum } = await makeActive(member);
  t.is((await upload(member, id, 'other bytes')).status, 409);
  t.is((await member.get(`${images}/${id}`)).checksum, checksum);
  t.is((await filesOf(cloud)).length, 1);

  const { id: formless } = await member.post(images, { name: 'formless' });
  const answer = await upload(member, formless, 'bytes');
  t.is(answer.status, 400);
  t.regex(answer.body.error.message, /disk_format, container_format/);
  const { id: mixed } = await member.post(images, { disk_format: 'qcow2', container_format: 'docker' });
  t.is((await upload(member, mixed, 'bytes')).status, 400);

  const { id: queued } = await member.post(images, rawBare);
  const path = `${images}/${queued}/file`;
  t.is((await member.request({ method: 'PUT', path, payload: '{}' })).status, 415, 'JSON is not an image');
  t.is((await upload(cloud.as('reader'), queued, 'bytes')).status, 403);
  t.is((await upload(cloud.as('stranger'), queued, 'bytes')).status, 404);
  t.is((await upload(cloud.as('stranger'), (await makePublic(cloud)).id, 'bytes')).status, 403);
  t.is((await member.get(`${images}/${queued}`)).status, 'queued');
});

const makePublic = (cloud: Awaited<ReturnType<typeof startTestCloud>>) =>
  cloud.as('admin').post(images, { ...rawBare, visibility: 'public' });

test('of two uploads at once one is refused and the other goes on', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const first = await openUpload(cloud, member, id);
  await first.send(Buffer.alloc(1000, 1));
  await until(async () => (await member.get(`${images}/${id}`)).status === 'saving');
  const second = await upload(member, id, 'bytes');
  t.is(second.status, 409);
  t.regex(second.body.error.message, /is saving/);
  await first.send(Buffer.alloc(1000, 2));
  t.is((await first.finish()).status, 204);
  t.is((await member.get(`${images}/${id}`)).size, 2000);
});

test('of many uploads that begin together exactly one succeeds', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => upload(member, id, `bytes ${index}`)));
  t.deepEqual(answers.map(({ status }) => status).sort(), [204, ...Array(19).fill(409)]);
  t.is((await filesOf(cloud)).length, 1);
});

test('an upload that is cut off leaves the image queued and no file', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const begun = await openUpload(cloud, member, id);
  await begun.send(Buffer.alloc(500_000, 1));
  await until(async () => (await filesOf(cloud)).length === 1);
  begun.cut();
  await until(async () => (await member.get(`${images}/${id}`)).status === 'queued');
  await until(async () => (await filesOf(cloud)).length === 0);
  t.false(
    cloud.logLines.some((line) => JSON.parse(line).level >= 50),
    'and is nobody’s bug',
  );
  t.is((await upload(member, id, 'bytes')).status, 204);
});

test('a client that sends everything before it listens reads why it was refused', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, { disk_format: 'qcow2', container_format: 'bare' });
  const begun = await openUpload(cloud, member, id);
  const backed = Buffer.alloc(2 ** 20);
  backed.write('QFI\xfb\0\0\0\x03', 'latin1');
  backed.writeBigUInt64BE(512n, 8);
  for (let count = 0; count < 20; count++) await begun.send(backed);
  const { status, text } = await begun.finish();
  t.is(status, 415);
  t.regex(text, /backing file/);
  t.is((await member.get(`${images}/${id}`)).status, 'queued');
});

test('deleting an image ends its upload and leaves nothing', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const begun = await openUpload(cloud, member, id);
  await begun.send(Buffer.alloc(1000, 1));
  await until(async () => (await filesOf(cloud)).length === 1);
  await member.delete(`${images}/${id}`);
  await member.get(`${images}/${id}`, 404);
  await begun.send(Buffer.alloc(1000, 2));
  t.is((await begun.finish()).status, 404);
  await cloud.settle();
  t.deepEqual(await filesOf(cloud), []);
});

test('an upload whose client fell silent ends when its image is deleted', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  const begun = await openUpload(cloud, member, id);
  await begun.send(Buffer.alloc(1000, 1));
  await until(async () => (await filesOf(cloud)).length === 1);
  await member.delete(`${images}/${id}`);
  await begun.answer.catch(() => undefined); // the connection is closed: nobody reads an answer
  await cloud.settle();
  t.deepEqual(await filesOf(cloud), []);
});

test('readers that go away leave no file open', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const member = cloud.as('member');
  const { id } = await makeActive(member, {}, Buffer.alloc(20 * 2 ** 20));
  const headers = { 'x-auth-token': await member.token() };
  const openFiles = async () => {
    const links = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    return links.filter((link) => link.includes(cloud.config.dataDir)).length;
  };
  for (let count = 0; count < 20; count++) {
    const abort = new AbortController();
    const answer = await fetch(new URL(`${images}/${id}/file`, cloud.server.info.uri), {
      headers,
      signal: abort.signal,
    });
    await answer.body?.getReader().read();
    abort.abort();
  }
  await until(async () => (await openFiles()) === 0);
  t.pass();
});
