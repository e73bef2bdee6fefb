import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { NotFound, Unavailable } from '../../common/errors.ts';
import type { ImageData } from '../../image/images/use.ts';
import { DamagedImage, DiskFull } from '../drivers/driver.ts';
import { createImageCache } from './cache.ts';
import { anotherId, directoryFor, imageId, pieces, recordingLog, remoteImage, sha512Of } from './testing.ts';

const bytes = Buffer.alloc(3 * 2 ** 20, 'some data of an image ');

function cacheOf(directory: string, image: ImageData, more: { makeRoom?: (bytes: number) => Promise<void> } = {}) {
  const { log, lines } = recordingLog();
  return { lines, ...createImageCache({ directory, source: async () => image, log, ...more }) };
}

const namesIn = async (directory: string) => (await readdir(directory)).sort();
const whole = [imageId, `${imageId}.sha512`];

test('an image is brought once, however many ask for it at once, also from two processes', async (t) => {
  const directory = await directoryFor(t);
  const image = remoteImage(bytes);
  const [one, other] = [cacheOf(directory, image), cacheOf(directory, image)]; // each has locks of its own
  const paths = await Promise.all([one, other, one, other].map((cache) => cache.ensure(imageId)));
  t.deepEqual(new Set(paths), new Set([join(directory, imageId)]));
  t.deepEqual(image.opened, [0]);
  t.true((await readFile(paths[0]!)).equals(bytes));
  t.is((await stat(paths[0]!)).mode & 0o777, 0o444);
  t.is((await stat(directory)).mode & 0o777, 0o711); // nobody lists whose images are here
  t.deepEqual(await namesIn(directory), whole);
  t.is(await readFile(`${paths[0]}.sha512`, 'utf8'), `${image.sha512}  ${imageId}\n`);
  t.like((await one.copies())[0], { imageId, sizeBytes: bytes.length });
  t.true((await one.copies())[0]!.ownBytes >= bytes.length);
});

test('nothing is copied where the store is on the same file system, and it is compared all the same', async (t) => {
  const directory = await directoryFor(t);
  const stored = `${directory}-stored`;
  await writeFile(stored, bytes);
  const image = remoteImage(bytes, { localPath: async () => stored });
  const path = await cacheOf(directory, image).ensure(imageId);
  t.is((await stat(path)).ino, (await stat(stored)).ino);
  t.deepEqual(await namesIn(directory), whole);
  t.deepEqual(await cacheOf(directory, image).copies(), [{ imageId, sizeBytes: bytes.length, ownBytes: 0 }]);
  await writeFile(stored, 'something else');
  const error = await t.throwsAsync(cacheOf(directory, image).ensure(anotherId), { instanceOf: DamagedImage });
  t.regex(error.message, new RegExp(`image ${anotherId} is damaged`));
  t.deepEqual(await namesIn(directory), whole);
});

test('a large image is compared in a thread of its own', async (t) => {
  const large = Buffer.alloc(17 * 2 ** 20, 'large');
  const directory = await directoryFor(t);
  t.true((await readFile(await cacheOf(directory, remoteImage(large)).ensure(imageId))).equals(large));
  const wrong = remoteImage(large, { sha512: sha512Of(bytes) });
  await t.throwsAsync(cacheOf(directory, wrong).ensure(anotherId), { instanceOf: DamagedImage });
});

test('a fetch that was interrupted goes on where it was', async (t) => {
  const directory = await directoryFor(t);
  const image = remoteImage(bytes);
  const half = 2 * 2 ** 20;
  const breaking = remoteImage(bytes, {
    open: async () =>
      Readable.from(
        (function* () {
          yield* pieces(bytes.subarray(0, half));
          throw new Error('the line broke');
        })(),
      ),
  });
  const error = await t.throwsAsync(cacheOf(directory, breaking).ensure(imageId), { instanceOf: Unavailable });
  t.is((error.cause as Error).message, 'the line broke');
  t.is((await stat(join(directory, (await namesIn(directory))[0]!))).size, half);
  t.true((await readFile(await cacheOf(directory, image).ensure(imageId))).equals(bytes));
  t.deepEqual(image.opened, [half]);
  t.deepEqual(await namesIn(directory), whole);

  const cut = remoteImage(bytes, { open: async () => Readable.from(pieces(bytes.subarray(0, half))) });
  await t.throwsAsync(cacheOf(directory, cut).ensure(anotherId), { message: /ended at 2097152 of 3145728 bytes/ });
  const long = remoteImage(bytes, { open: async () => Readable.from(pieces(Buffer.concat([bytes, bytes]))) });
  await t.throwsAsync(cacheOf(directory, long).ensure(anotherId), { message: /More data came/ });
});

test('what is left of a fetch by a process that was killed is gone on with, or begun anew when it is no good', async (t) => {
  const directory = await directoryFor(t);
  const image = remoteImage(bytes);
  const half = 2 ** 20;
  const script = `
    import { Readable } from 'node:stream';
    import { createImageCache } from ${JSON.stringify(join(import.meta.dirname, 'cache.ts'))};
    const data = new Readable({ read() {} });
    const source = async () => ({ ...${JSON.stringify(image)}, localPath: async () => undefined, open: async () => data });
    const silent = { info() {}, warn() {}, error() {} };
    createImageCache({ directory: process.argv[1], source, log: silent }).ensure(${JSON.stringify(imageId)});
    process.stdin.on('data', (chunk) => data.push(chunk));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const said = text(child.stderr);
  child.stdin.write(bytes.subarray(0, half));
  const partial = `${imageId}.${image.sha512.slice(0, 16)}.partial`;
  const sizeOfPartial = () =>
    stat(join(directory, partial)).then(
      ({ size }) => size,
      () => 0,
    );
  while ((await sizeOfPartial()) < half) {
    if (child.exitCode !== null) throw new Error(await said);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const cache = cacheOf(directory, image);
  await cache.removeLeftovers(new Set()); // it is locked by a process that lives
  t.deepEqual(await namesIn(directory), [partial]);
  child.kill('SIGKILL');
  await once(child, 'exit');

  t.true((await readFile(await cache.ensure(imageId))).equals(bytes));
  t.deepEqual(image.opened, [half]);
  await writeFile(join(directory, partial.replace(imageId, anotherId)), 'not what was there');
  t.true((await readFile(await cache.ensure(anotherId))).equals(bytes));
  t.deepEqual(image.opened, [half, 18, 0]);
});

test('data that is not what its checksum says is never used, told, and not brought again at once', async (t) => {
  const directory = await directoryFor(t);
  const image = remoteImage(bytes, { sha512: sha512Of(Buffer.from('other data')) });
  const cache = cacheOf(directory, image);
  for (let time = 0; time < 3; time++) await t.throwsAsync(cache.ensure(imageId), { instanceOf: DamagedImage });
  t.deepEqual(image.opened, [0]);
  t.deepEqual(await namesIn(directory), []);
  t.is(cache.lines.filter((line) => line.includes('"level":50') && line.includes(imageId)).length, 1);
});

test('a copy that nobody has compared is compared, and one of other data is replaced', async (t) => {
  const directory = await directoryFor(t);
  await mkdir(directory);
  const path = join(directory, imageId);
  await writeFile(path, bytes);
  const image = remoteImage(bytes);
  await cacheOf(directory, image).ensure(imageId);
  t.deepEqual(image.opened, []);
  t.deepEqual(await namesIn(directory), whole);

  const other = Buffer.from('other data under the same id');
  t.true((await readFile(await cacheOf(directory, remoteImage(other)).ensure(imageId))).equals(other));
  await unlink(`${path}.sha512`);
  await chmod(path, 0o644);
  await writeFile(path, 'damaged on this host');
  t.true((await readFile(await cacheOf(directory, remoteImage(other)).ensure(imageId))).equals(other));
  t.deepEqual(await namesIn(directory), whole);
});

test('an image that is no more stays good for those who stand on it, and is not to be had anew', async (t) => {
  const directory = await directoryFor(t);
  const { log } = recordingLog();
  let isThere = true;
  const source = async () => {
    if (isThere) return remoteImage(bytes);
    throw new NotFound('Image', imageId);
  };
  const cache = createImageCache({ directory, source, log });
  await cache.ensure(imageId);
  isThere = false;
  t.true((await readFile(await cache.ensure(imageId))).equals(bytes));
  await t.throwsAsync(cache.ensure(anotherId), { instanceOf: NotFound });
  t.deepEqual(await cache.list(), [imageId]);
});

test('room is made for an image that does not fit, and without it the disk is told to be full', async (t) => {
  const directory = await directoryFor(t);
  const asked: number[] = [];
  const huge = remoteImage(bytes, { sizeBytes: 2 ** 50 });
  const cache = cacheOf(directory, huge, { makeRoom: async (lacking) => void asked.push(lacking) });
  await t.throwsAsync(cache.ensure(imageId), { instanceOf: DiskFull, message: /no disk space left for the image/ });
  t.is(asked.length, 1);
  t.true(asked[0]! > 2 ** 49);
  t.deepEqual(await namesIn(directory), []); // what has come takes no room either
});

test('a host that stops breaks off what is on its way, and keeps what has come', async (t) => {
  const directory = await directoryFor(t);
  const opened = Promise.withResolvers<void>();
  const endless = remoteImage(bytes, {
    async open() {
      opened.resolve();
      return new Readable({ read() {} });
    },
  });
  const cache = cacheOf(directory, endless);
  const fetched = cache.ensure(imageId);
  await opened.promise;
  cache.stop();
  await t.throwsAsync(fetched, { instanceOf: Unavailable, message: /stopped while it fetched/ });
  t.is((await namesIn(directory)).length, 1);
});

test('what nobody uses goes with all its remains, and what is used or not ours stays', async (t) => {
  const directory = await directoryFor(t);
  const cache = cacheOf(directory, remoteImage(bytes));
  await cache.ensure(imageId);
  for (const name of [`${imageId}.x.partial`, `${anotherId}.x.partial`, `${anotherId}.linked`, 'README'])
    await writeFile(join(directory, name), 'half');
  t.deepEqual((await cache.list()).sort(), [imageId, anotherId]);
  await cache.removeUnless(imageId, async () => true);
  t.is((await readdir(directory)).length, 6);
  await cache.removeLeftovers(new Set([anotherId]));
  t.deepEqual(
    await namesIn(directory),
    ['README', anotherId, ...whole].map((name) => (name === anotherId ? `${anotherId}.x.partial` : name)).sort(),
  );
  await cache.removeLeftovers(new Set());
  t.deepEqual(await namesIn(directory), ['README', ...whole].sort());
  await cache.removeUnless(imageId, async () => false);
  t.deepEqual(await namesIn(directory), ['README']);
  await link(join(directory, 'README'), join(directory, `${imageId}.sha512`)); // its copy is gone
  await cache.removeLeftovers(new Set([imageId]));
  t.deepEqual(await namesIn(directory), ['README']);
});

test('a host that never had an image has none', async (t) => {
  const cache = cacheOf(join(await directoryFor(t), 'absent'), remoteImage(bytes));
  t.deepEqual(await cache.list(), []);
  t.deepEqual(await cache.copies(), []);
});
