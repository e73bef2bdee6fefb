import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { testImageStore } from '../contract.ts';
import { openFileStore } from './files.ts';

async function makeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-store-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

testImageStore(test, async (t) => openFileStore(join(await makeDirectory(t), 'images')));

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

test('the file of an image can be found and not be written to', async (t) => {
  const directory = await makeDirectory(t);
  const store = openFileStore(directory);
  const id = randomUUID();
  await store.put(id, one(Buffer.from('bytes')));
  const path = await store.localPath(id);
  t.is(path, join(directory, id));
  t.is((await stat(path!)).mode & 0o777, 0o444);
});

test('only ids become names of files', async (t) => {
  const store = openFileStore(await makeDirectory(t));
  for (const id of ['../x', '/etc/passwd', '', 'a', `${randomUUID()}/..`]) {
    await t.throwsAsync(store.put(id, one(Buffer.from('x'))), { message: /not an id/ });
    await t.throwsAsync(store.open(id), { message: /not an id/ });
    await t.throwsAsync(store.remove(id), { message: /not an id/ });
  }
});

test('what is not a file of ours is left alone', async (t) => {
  const directory = await makeDirectory(t);
  const [inner, id] = [randomUUID(), randomUUID()];
  await mkdir(join(directory, inner));
  await writeFile(join(directory, 'notes'), '');
  const store = openFileStore(directory);
  await store.put(id, one(Buffer.from('x')));
  t.deepEqual(await store.sweep(async () => new Set()), [id]);
  t.deepEqual((await readdir(directory)).sort(), [inner, 'notes'].sort());
});

test('what cannot be removed is told of, and keeps nothing else from being swept', async (t) => {
  const directory = await makeDirectory(t);
  const store = openFileStore(directory);
  for (let count = 0; count < 3; count++) await store.put(randomUUID(), one(Buffer.from('x')));
  let stuck = '';
  const sweep = store.sweep(async (ids) => {
    stuck = ids[0]!; // the first in turn, and root too cannot remove it as a file
    await mkdir(join(directory, `${stuck}.partial`));
    return new Set();
  });
  const error = await t.throwsAsync(sweep, { instanceOf: AggregateError, message: /1 of 3/ });
  t.is(error.errors.length, 1);
  t.deepEqual((await readdir(directory)).sort(), [stuck, `${stuck}.partial`]);
});

test('what a killed process left behind is swept', async (t) => {
  const directory = await makeDirectory(t);
  const id = randomUUID();
  const program = `
    import { openFileStore } from ${JSON.stringify(join(import.meta.dirname, 'files.ts'))};
    async function* endless() {
      for (let count = 0; ; count++) { if (count === 10) console.log('writing'); yield Buffer.alloc(100_000); }
    }
    await openFileStore(${JSON.stringify(directory)}).put(${JSON.stringify(id)}, endless());
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.deepEqual(await readdir(directory), [`${id}.partial`]);

  const store = openFileStore(directory);
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.sweep(async () => new Set()), [id]);
  t.deepEqual(await readdir(directory), []);
});
