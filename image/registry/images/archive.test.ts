import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { readManifest } from '../content/manifest.ts';
import { digestOf, imageManifest, makeImage } from '../testing.ts';
import { archiveOf, checkDigest } from './archive.ts';

const image = makeImage(Buffer.from('a layer'));

function archive(blobs = new Map([image.layer, image.config].map((bytes) => [digestOf(bytes), bytes]))) {
  return archiveOf({
    repositoryId: 'repository',
    manifest: readManifest(Buffer.from(image.manifest), imageManifest),
    manifestBytes: Buffer.from(image.manifest),
    upstream: {
      async openBlob(_, digest, { range } = {}) {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(String(range)) ?? [];
        const bytes = blobs.get(digest)!;
        return Readable.from([first === undefined ? bytes : bytes.subarray(Number(first), Number(last) + 1)]) as never;
      },
    },
  });
}

test('an archive is always the same, as checksums of images are of it', async (t) => {
  const bytes = await buffer(archive().open());
  t.is(bytes.length, archive().sizeBytes);
  t.is(
    createHash('sha256').update(bytes).digest('hex'),
    '31e7cea2556aa121c11bda943428dc9678486191fdece70b6af3d22e26909630',
  );
});

test('every part of an archive is that part of the whole', async (t) => {
  const { sizeBytes, open } = archive();
  const whole = await buffer(open());
  for (let first = 0; first < sizeBytes; first += 487)
    for (const last of [first, first + 1, first + 600, first + 5000].filter((one) => one < sizeBytes))
      t.deepEqual(await buffer(open({ first, last })), whole.subarray(first, last + 1), `${first}-${last}`);
});

test('what the registry gives otherwise than it was pushed ends the archive', async (t) => {
  const short = archive(new Map([image.layer, image.config].map((bytes) => [digestOf(bytes), bytes.subarray(1)])));
  await t.throwsAsync(buffer(short.open()), { message: /came with/ });
  t.throws(() => checkDigest(Buffer.from('other'), image.digest), { message: /other bytes/ });
});
