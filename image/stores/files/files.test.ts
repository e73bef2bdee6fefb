import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { testImageStore } from '../contract.ts';
import { type Owner, ownerKey } from '../owner.ts';
import { ownerLike } from '../testing.ts';
import { openFileStore } from './files.ts';

async function makeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-store-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

testImageStore(test, async (t) => openFileStore(join(await makeDirectory(t), 'images'), ownerLike()));

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

test('a directory with data of others, or of another store, is not taken, and nothing of it is removed', async (t) => {
  const directory = await makeDirectory(t);
  const theirs = randomUUID();
  await writeFile(join(directory, theirs), 'of another cloud');
  const refused = async (owner: Owner, why: RegExp) => {
    const store = openFileStore(directory, owner);
    const asked = [
      ...[store.sweep(async () => new Set()), store.put(randomUUID(), one(Buffer.from('x')))],
      ...[store.remove(theirs), store.check()],
    ];
    for (const answer of asked) {
      const error = await t.throwsAsync(answer, { instanceOf: Unavailable });
      t.regex((error.cause as Error).message, why);
    }
    t.deepEqual(await store.list(), [theirs]);
  };
  const owner = ownerLike();
  await refused(
    owner,
    new RegExp(`${theirs}, of which this cloud does not know, .* write ${owner.cloudId}/far into ${directory}`),
  );
  t.deepEqual(await readdir(directory), [theirs]);

  const knowing = ownerLike({ known: [theirs] });
  await Promise.all([1, 2, 3].map(() => openFileStore(directory, knowing).check()));
  t.deepEqual((await readdir(directory)).sort(), [theirs, ownerKey].sort());
  const link = join(await makeDirectory(t), 'link');
  await symlink(directory, link);
  await refused(ownerLike({ isAtHome: true }), /says that the place is of/);
  const alias = openFileStore(link, { ...knowing, storeId: 'alias' });
  await t.throwsAsync(
    alias.sweep(async () => new Set()),
    { instanceOf: Unavailable },
  );
  t.deepEqual(await openFileStore(link, knowing).sweep(async () => new Set()), [theirs]);
});

test('what is in the data directory from before there were marks is taken over', async (t) => {
  const directory = await makeDirectory(t);
  const left = randomUUID();
  await writeFile(join(directory, left), '');
  const owner = ownerLike({ isAtHome: true });
  t.deepEqual(await openFileStore(directory, owner).sweep(async () => new Set()), [left]);
  t.deepEqual(await readdir(directory), [ownerKey]);
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
