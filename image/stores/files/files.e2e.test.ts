import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { OverQuota } from '../../../common/errors.ts';
import { openFileStore } from './files.ts';

const run = promisify(execFile);

test('a full disk fails the upload with its reason and keeps nothing of it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'image-store-full-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  t.teardown(async () => {
    await run('umount', [directory]);
    await rm(directory, { recursive: true });
  });
  const store = openFileStore(directory);
  async function* tooMuch(): AsyncGenerator<Buffer> {
    for (let count = 0; count < 100; count++) yield Buffer.alloc(65536, 1);
  }
  const error = await t.throwsAsync(store.put(randomUUID(), tooMuch()), { instanceOf: OverQuota });
  t.regex(error.message, /no space left/);
  t.deepEqual(await readdir(directory), []);

  await writeFile(join(directory, 'others'), Buffer.alloc(980_000));
  async function* drop(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(30_000, 1);
  }
  await t.throwsAsync(store.put(randomUUID(), drop()), { instanceOf: OverQuota }, 'a reserve is left for others');
  await rm(join(directory, 'others'));

  async function* little(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(65536, 1);
  }
  t.is((await store.put(randomUUID(), little())).sizeBytes, 65536, 'and what fits is stored again');
});
