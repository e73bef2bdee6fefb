import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { blockBytes } from '../blocks.ts';
import { hashedWrite } from './hashed-write.ts';

async function* pieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

const hex = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');

test('whatever the size, what is written and its checksums are those of the data', async (t) => {
  const bytes = randomBytes(6 * blockBytes + 1);
  for (const size of [0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 2 * blockBytes, bytes.length])
    for (const pieceBytes of [65536, blockBytes, 3 * blockBytes]) {
      const data = bytes.subarray(0, size);
      const written = Buffer.alloc(size, 0xff);
      let isWriting = false;
      const stored = await hashedWrite(pieces(data, pieceBytes), async (block, position) => {
        t.false(isWriting, 'one block after the other');
        isWriting = true;
        await new Promise((resolve) => setImmediate(resolve));
        block.copy(written, position);
        isWriting = false;
      });
      t.deepEqual(stored, { sizeBytes: size, md5: hex('md5', data), sha512: hex('sha512', data) });
      t.true(written.equals(data), `${size} in pieces of ${pieceBytes}`);
    }
});

test('many streams at once keep their checksums apart', async (t) => {
  const all = Array.from({ length: 12 }, (_, i) => randomBytes((1 + (i % 4)) * blockBytes + i));
  const stored = await Promise.all(all.map((bytes) => hashedWrite(pieces(bytes, 100_000), async () => undefined)));
  t.deepEqual(
    stored.map(({ md5, sha512 }) => [md5, sha512]),
    all.map((bytes) => [hex('md5', bytes), hex('sha512', bytes)]),
  );
});

test('what goes wrong is thrown once nothing is under way, and nothing more is asked for', async (t) => {
  const bytes = randomBytes(80 * blockBytes);
  const full = new Error('no space');
  let asked = 0;
  let underWay = 0;
  async function* counted() {
    for await (const piece of pieces(bytes, blockBytes)) {
      asked++;
      yield piece;
    }
  }
  const error = await t.throwsAsync(
    hashedWrite(counted(), async (_, position) => {
      underWay++;
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      if (position === 2 * blockBytes) throw full;
    }),
  );
  t.is(error, full);
  t.is(underWay, 0);
  t.true(asked < 40, `${asked} pieces`);

  const cut = new Error('cut off');
  async function* failing() {
    yield bytes;
    throw cut;
  }
  t.is(await t.throwsAsync(hashedWrite(failing(), async () => undefined)), cut);
  const { sizeBytes } = await hashedWrite(pieces(bytes, 65536), async () => undefined);
  t.is(sizeBytes, bytes.length, 'and the next one goes well');
});
