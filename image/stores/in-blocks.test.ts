import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import test from 'ava';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { blockBytes, returnBlock, takeOver } from './blocks.ts';
import { inBlocks } from './in-blocks.ts';

function* pieces(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

test('a stream comes in full blocks and a rest, whatever its pieces, and whoever reads it may keep them', async (t) => {
  const bytes = randomBytes(9 * blockBytes + 1);
  for (const size of [0, 1, blockBytes, blockBytes + 1, bytes.length])
    for (const pieceBytes of [65536, blockBytes, 3 * blockBytes + 7]) {
      const data = bytes.subarray(0, size);
      const [lengths, got, ours]: [number[], Buffer[], Buffer<ArrayBuffer>[]] = [[], [], []];
      let seen = 0;
      const see = (piece: Buffer) => {
        seen += piece.length;
      };
      for await (const piece of inBlocks(Readable.from(pieces(data, pieceBytes)), see)) {
        lengths.push(piece.length);
        got.push(Buffer.from(piece));
        if (takeOver(piece)) ours.push(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      t.true(Buffer.concat(got).equals(data), `${size} in pieces of ${pieceBytes}`);
      t.true(lengths.slice(0, -1).every((length) => length === blockBytes));
      t.is(ours.length, Math.floor(size / blockBytes));
      t.true(
        ours.every((block, i) => block.equals(data.subarray(i * blockBytes, (i + 1) * blockBytes))),
        'nobody has filled a block meanwhile that was taken over',
      );
      t.is(seen, size);
      for (const block of ours) returnBlock(block);
    }
});

test('a slow reader holds the stream up', async (t) => {
  let asked = 0;
  function* endless() {
    for (;;) {
      asked++;
      yield Buffer.alloc(blockBytes);
    }
  }
  const blocks = inBlocks(Readable.from(endless()), () => undefined);
  for (let i = 0; i < 3; i++) {
    await blocks.next();
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(asked < 40, `${asked} pieces`);
  await blocks.return(undefined);
});

test('what ends it is thrown: a cut, a reason of ours, what the one who sees it says', async (t) => {
  const read = async (body: Readable, see: (piece: Buffer) => void = () => undefined) => {
    for await (const _ of inBlocks(body, see));
  };
  const cut = new PassThrough();
  cut.write(Buffer.alloc(100));
  setImmediate(() => cut.destroy());
  await t.throwsAsync(read(cut), { instanceOf: BadRequest, message: /ended before all/ });

  const gone = new PassThrough();
  const reason = new NotFound('Image', 'x');
  setImmediate(() => gone.destroy(reason));
  t.is(await t.throwsAsync(read(gone)), reason);

  const body = new PassThrough();
  body.write(Buffer.alloc(100));
  const tooMuch = new Error('too much');
  const thrown = await t.throwsAsync(
    read(body, () => {
      throw tooMuch;
    }),
  );
  t.is(thrown, tooMuch);
  t.false(body.destroyed, 'the connection stays open for the answer');
  t.is(body.listenerCount('data'), 0);
  await t.throwsAsync(read(cut), { instanceOf: BadRequest }, 'also when it was over before');
});
