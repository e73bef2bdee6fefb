/** What every store of image data must do. Called by each store's own test file. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ExecutionContext, TestFn } from 'ava';
import { DataMissing, type ImageStore } from './store.ts';

const nobody = async () => new Set<string>();

async function* piecesOf(bytes: Buffer, pieceBytes = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** As pieces come from a connection: the memory of each is somebody else's once the next is asked for. */
async function* passing(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for await (const piece of piecesOf(bytes, pieceBytes)) {
    const own = Buffer.from(piece);
    yield own;
    own.fill(0xff);
  }
}

async function contentOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

/** `makeStore` gives an empty store and removes it when the test ends, which holds less than `mostMib` of an upload in memory. */
export function testImageStore(
  test: TestFn,
  makeStore: (t: ExecutionContext) => Promise<ImageStore>,
  mostMib = 16,
): void {
  const bytes = randomBytes(100_001);

  test('data is read back as it was written, with its size and checksums', async (t) => {
    const store = await makeStore(t);
    const id = randomUUID();
    const stored = await store.put(id, piecesOf(bytes));
    t.deepEqual(stored, {
      sizeBytes: bytes.length,
      md5: createHash('md5').update(bytes).digest('hex'),
      sha512: createHash('sha512').update(bytes).digest('hex'),
    });
    t.deepEqual(await contentOf(await store.open(id)), bytes);
    t.deepEqual(await contentOf(await store.open(id, { first: 10, last: 19 })), bytes.subarray(10, 20));
    t.deepEqual(await store.list(), [id]);
  });

  test('data of many blocks is kept as it was when it passed by', async (t) => {
    const store = await makeStore(t);
    const large = randomBytes(12 * 2 ** 20 + 1);
    const hex = (algorithm: string) => createHash(algorithm).update(large).digest('hex');
    for (const pieceBytes of [65536, 3 * 2 ** 20 + 7]) {
      const id = randomUUID();
      const stored = await store.put(id, passing(large, pieceBytes));
      t.deepEqual(stored, { sizeBytes: large.length, md5: hex('md5'), sha512: hex('sha512') });
      t.true((await contentOf(await store.open(id))).equals(large));
    }
  });

  test('data without a byte can be stored', async (t) => {
    const store = await makeStore(t);
    const id = randomUUID();
    t.is((await store.put(id, piecesOf(Buffer.alloc(0)))).sizeBytes, 0);
    t.is((await contentOf(await store.open(id))).length, 0);
  });

  test('data that is not there cannot be read, and can be removed', async (t) => {
    const store = await makeStore(t);
    await t.throwsAsync(store.open(randomUUID()), { instanceOf: DataMissing });
    await t.notThrowsAsync(store.remove(randomUUID()));
    t.is(await store.localPath(randomUUID()), undefined);
    t.deepEqual(await store.list(), []);
  });

  test('removed data is gone, also for those who ask again', async (t) => {
    const store = await makeStore(t);
    const id = randomUUID();
    await store.put(id, piecesOf(bytes));
    await store.remove(id);
    await store.remove(id);
    await t.throwsAsync(store.open(id), { instanceOf: DataMissing });
    t.deepEqual(await store.list(), []);
  });

  test('whoever reads while the data is removed reads it to its end', async (t) => {
    const store = await makeStore(t);
    const id = randomUUID();
    await store.put(id, piecesOf(bytes));
    const stream = await store.open(id);
    await store.remove(id);
    t.deepEqual(await contentOf(stream), bytes);
  });

  test('an upload that fails leaves nothing and throws what went wrong', async (t) => {
    const store = await makeStore(t);
    const broken = new Error('the client went away');
    async function* failing(): AsyncGenerator<Buffer> {
      yield bytes;
      throw broken;
    }
    const error = await t.throwsAsync(store.put(randomUUID(), failing()));
    t.is(error, broken);
    t.deepEqual(await store.list(), []);
    t.deepEqual(await store.sweep(nobody), []);
  });

  test('unfinished data cannot be seen and is not swept while its upload is alive', async (t) => {
    const store = await makeStore(t);
    const id = randomUUID();
    const seen = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Buffer> {
      yield bytes.subarray(0, 500);
      seen.resolve();
      await goOn.promise;
      yield bytes.subarray(500);
    }
    const upload = store.put(id, slow());
    await seen.promise;
    t.deepEqual(await store.list(), []);
    await t.throwsAsync(store.open(id), { instanceOf: DataMissing });
    t.deepEqual(await store.sweep(async (ids) => new Set(ids)), []);
    goOn.resolve();
    await upload;
    t.deepEqual(await contentOf(await store.open(id)), bytes);
  });

  test('a sweep removes what nobody owns and nothing else', async (t) => {
    const store = await makeStore(t);
    const [kept, left] = [randomUUID(), randomUUID()];
    for (const id of [kept, left]) await store.put(id, piecesOf(bytes));
    t.deepEqual(await store.sweep(async () => new Set([kept])), [left]);
    t.deepEqual(await store.list(), [kept]);
  });

  // Alone, as it looks at the memory of the whole process.
  test.serial('what comes faster than it is stored waits at its source', async (t) => {
    const store = await makeStore(t);
    const piece = Buffer.alloc(2 ** 20, 7);
    let asked = 0;
    async function* fast(): AsyncGenerator<Buffer> {
      for (; asked < 64; asked++) yield piece;
    }
    const before = process.memoryUsage().arrayBuffers;
    t.is((await store.put(randomUUID(), fast())).sizeBytes, 64 * piece.length);
    t.true(process.memoryUsage().arrayBuffers - before < mostMib * 2 ** 20);
  });

  test('a store that can work says so', async (t) => {
    await t.notThrowsAsync((await makeStore(t)).check());
  });
}
