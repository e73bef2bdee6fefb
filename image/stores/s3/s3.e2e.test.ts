/** On a real S3 server. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import test from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { Secret } from '../../../common/secret.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { images, rawBare } from '../../testing.ts';
import { testImageStore } from '../contract.ts';
import type { ByteRange, ImageStore } from '../store.ts';
import { makeStores, ownerLike } from '../testing.ts';
import { connect, type S3Settings } from './client.ts';
import { openS3Store } from './s3.ts';
import { missingForS3Server, type S3Server, startS3Server } from './server.ts';

const missing = await missingForS3Server();
if (missing !== undefined) throw new Error(`The tests of stores in S3 need ${missing}.`);

const owner = ownerLike();

/** One for all tests here, each with a bucket of its own. */
let running: Promise<S3Server> | undefined;
const serverOf = () => {
  running ??= startS3Server();
  return running;
};
test.after.always(async () => {
  await (await running)?.stop();
});

async function makeBucket(): Promise<S3Settings> {
  return await (await serverOf()).makeBucket(`images-${randomUUID()}`);
}

async function uploadsIn(settings: S3Settings): Promise<number> {
  const client = connect(settings);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket }));
  client.destroy();
  return Uploads.length;
}

const objectsIn = async (settings: S3Settings): Promise<number> =>
  (await openS3Store({ ...settings, prefix: '' }, owner).list()).length;

async function* pieces(count: number, bytes = 2 ** 20): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(bytes, i);
}

testImageStore(test, async () => openS3Store(await makeBucket(), owner), 20); // three parts, and blocks being hashed

test.serial('data of many parts is one object, and any part of it can be read', async (t) => {
  const settings = await makeBucket();
  const store = openS3Store(settings, owner);
  const bytes = randomBytes(12 * 2 ** 20 + 7);
  const id = randomUUID();
  async function* data() {
    for (let at = 0; at < bytes.length; at += 700_001) yield bytes.subarray(at, at + 700_001);
  }
  t.is((await store.put(id, data())).sizeBytes, bytes.length);
  const read = async (range?: ByteRange) => Buffer.concat(await (await store.open(id, range)).toArray());
  t.true((await read()).equals(bytes));
  const across = { first: 5 * 2 ** 20 - 3, last: 5 * 2 ** 20 + 3 };
  t.true((await read(across)).equals(bytes.subarray(across.first, across.last + 1)));
  const exact = randomUUID();
  t.is((await store.put(exact, pieces(10))).sizeBytes, 10 * 2 ** 20, 'two parts and not a byte more');
  t.deepEqual((await store.list()).sort(), [id, exact].sort());
  t.is(await uploadsIn(settings), 0);
});

test.serial('an upload that breaks among its parts leaves neither an object nor parts', async (t) => {
  const settings = await makeBucket();
  const store = openS3Store(settings, owner);
  async function* broken() {
    yield* pieces(13);
    throw new Error('the client went away');
  }
  await t.throwsAsync(store.put(randomUUID(), broken()), { message: 'the client went away' });
  t.is(await uploadsIn(settings), 0);
  t.deepEqual(await store.list(), []);
});

test.serial('what a killed process left unfinished is swept, and what lives is not', async (t) => {
  const settings = await makeBucket();
  const id = randomUUID();
  const program = `
    import { openS3Store } from ${JSON.stringify(join(import.meta.dirname, 's3.ts'))};
    import { Secret } from ${JSON.stringify(join(import.meta.dirname, '../../../common/secret.ts'))};
    async function* endless() {
      for (let count = 0; ; count++) { if (count === 12) console.log('writing'); yield Buffer.alloc(2 ** 20); }
    }
    const owner = { ...${JSON.stringify(owner)}, known: async () => new Set() };
    const settings = { ...${JSON.stringify(settings)}, secretAccessKey: new Secret(process.env.SECRET) };
    await openS3Store(settings, owner).put(${JSON.stringify(id)}, endless());
  `;
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-s3-killed-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'upload.mjs');
  await writeFile(file, program);
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, SECRET: settings.secretAccessKey.reveal() },
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is(await uploadsIn(settings), 1);
  const store = openS3Store(settings, owner);
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.sweep(async (ids) => new Set(ids)), []);
  t.is(await uploadsIn(settings), 1);
  // A part that was on its way is perhaps still being written, and cannot go before it has come: the next sweep takes it.
  const swept: string[] = [];
  while ((await uploadsIn(settings)) > 0) swept.push(...(await store.sweep(async () => new Set()).catch(() => [])));
  t.true(swept.every((each) => each === id));
  t.deepEqual(await store.list(), []);
});

test.serial('other objects of the bucket are nobody’s business', async (t) => {
  const settings = await makeBucket();
  const client = connect(settings);
  const names = [randomUUID(), `images/${randomUUID()}/more`, 'images/notes', `images/${randomUUID().toUpperCase()}`];
  for (const Key of names) await client.send(new PutObjectCommand({ Bucket: settings.bucket, Key, Body: 'x' }));
  client.destroy();
  const store = openS3Store(settings, owner);
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.sweep(async () => new Set()), []);
  await t.throwsAsync(store.open('../x'), { message: /not an id/ });
});

test.serial(
  'a place with data of others, or of another store, is not taken, and nothing of it is removed',
  async (t) => {
    const settings = { ...(await makeBucket()), prefix: '' };
    const client = connect(settings);
    const write = async (Key: string, Body: string) =>
      void (await client.send(new PutObjectCommand({ Bucket: settings.bucket, Key, Body })));
    const theirs = randomUUID();
    await write(theirs, 'of another cloud');
    const refused = async (store: ImageStore, why: RegExp) => {
      const asked = [
        store.sweep(async () => new Set()),
        store.put(randomUUID(), pieces(1)),
        store.remove(theirs),
        store.check(),
      ];
      for (const answer of asked) {
        const error = await t.throwsAsync(answer, { instanceOf: Unavailable });
        t.regex((error.cause as Error).message, why);
      }
      t.deepEqual(await store.list(), [theirs]);
    };
    await refused(openS3Store(settings, owner), new RegExp(`${theirs}, of which this cloud does not know`));
    await write('cirrostack-owner', owner.cloudId); // without a store
    await refused(openS3Store(settings, owner), /says that the place is of/);
    await client.send(new DeleteObjectCommand({ Bucket: settings.bucket, Key: 'cirrostack-owner' }));

    const knowing = ownerLike({ known: [theirs] });
    await Promise.all([1, 2, 3].map(() => openS3Store(settings, knowing).check()));
    await refused(openS3Store(settings, { ...knowing, storeId: 'alias' }), /says that the place is of .*\/far\. /);
    t.deepEqual(await openS3Store(settings, knowing).sweep(async () => new Set()), [theirs]);
    client.destroy();
  },
);

test.serial(
  'a server that is away, a bucket that is not there and a wrong key are told alike, without the key',
  async (t) => {
    const settings = await makeBucket();
    const wrong = { ...settings, secretAccessKey: new Secret('not-the-secret') };
    const nowhere = { ...settings, bucket: 'no-such-bucket' };
    const away = { ...settings, endpoint: 'http://127.0.0.1:1' };
    for (const broken of [wrong, nowhere, away]) {
      const store = openS3Store(broken, owner);
      const asked = [
        store.put(randomUUID(), pieces(1)),
        store.put(randomUUID(), pieces(6)),
        store.open(randomUUID()),
        store.check(),
        store.sweep(async () => new Set()),
      ];
      for (const answer of asked) {
        const error = await t.throwsAsync(answer, { instanceOf: Unavailable });
        const told = `${error.message} ${(error.cause as Error).stack} ${JSON.stringify(error.cause)}`;
        t.notRegex(told, /not-the-secret|tester|AWS4/);
      }
    }
  },
);

test.serial(
  'a cloud keeps images in S3, reads them where they are, and answers 503 while the server is away',
  async (t) => {
    t.timeout(300_000);
    const server = await serverOf();
    const settings = await makeBucket();
    const { endpoint, bucket, accessKeyId, secretAccessKey } = settings;
    const far = { id: 'far', type: 's3', endpoint, bucket, accessKeyId, secretAccessKey: secretAccessKey.reveal() };
    const stores = await makeStores(t, { third: { ...far, directory: undefined, partMib: 5 } });
    const cloud = await startTestCloud(t, stores.settings);
    const [admin, member] = [cloud.as('admin'), cloud.as('member')];
    const { stores: detailed } = await admin.get('/image/v2/info/stores/detail');
    t.like(detailed[2], { id: 'far', type: 's3', properties: { s3_store_bucket: bucket } });
    t.notRegex(JSON.stringify(detailed) + cloud.logLines.join(''), new RegExp(secretAccessKey.reveal()));

    const bytes = randomBytes(6 * 2 ** 20);
    const sent = (id: string, store = 'far') =>
      member.request({
        method: 'PUT',
        path: `${images}/${id}/file`,
        payload: bytes,
        headers: { 'content-type': 'application/octet-stream', 'x-image-meta-store': store },
      });
    const { id } = await member.post(images, rawBare);
    t.is((await sent(id)).status, 204);
    const file = (range?: string) => ({
      method: 'GET',
      path: `${images}/${id}/file`,
      headers: { ...(range && { range }) },
    });
    const shown = await member.get(`${images}/${id}`);
    t.like(shown, { stores: 'far', os_hash_value: createHash('sha512').update(bytes).digest('hex') });
    const { headers } = await member.request(file('bytes=0-9'));
    t.is(Number(headers['content-length']), 10);
    const named = Object.keys(headers).filter((name) => /^(x-amz|server|etag|last-modified)/.test(name));
    t.deepEqual(named, [], 'nothing of what the server said');

    const { id: refused } = await member.post(images, { disk_format: 'qcow2', container_format: 'bare' });
    t.is((await sent(refused)).status, 415);
    t.is(await objectsIn(settings), 1);
    t.is(await uploadsIn(settings), 0);

    await admin.post(`${images}/${id}/import`, { method: { name: 'copy-image' }, stores: ['second'] }, 202);
    await cloud.settle();
    t.is((await member.get(`${images}/${id}`)).stores, 'far,second');
    await server.kill();
    await admin.delete(`/image/v2/stores/second/${id}`, 403); // the other copy cannot be asked for
    const { id: late } = await member.post(images, rawBare);
    t.is((await sent(late)).status, 503);
    t.is((await member.get(`${images}/${late}`)).status, 'queued');
    t.is((await member.request(file('bytes=0-9'))).status, 206, 'from the other store');
    await server.start();
    await admin.delete(`/image/v2/stores/second/${id}`);
    await cloud.settle();
    await server.kill();
    t.is((await member.request(file())).status, 503);
    await member.delete(`${images}/${id}`);
    await cloud.settle();
    t.is((await cloud.db('images').where({ id })).length, 1, 'it waits for its store');
    await server.start();
    await cloud.settle();
    t.is((await cloud.db('images').where({ id })).length, 0);
    t.is(await objectsIn(settings), 0);
  },
);
