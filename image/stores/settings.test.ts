import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { openStores } from './open.ts';
import { readStoresFile, storesSettings } from './settings.ts';

const ours = { id: 'ours', known: async () => new Set<string>() };
const files = (id: string, more: object = {}) => ({ id, type: 'files', directory: `/srv/${id}`, ...more });
const s3 = (id: string, more: object = {}) => ({
  ...{ id, type: 's3', endpoint: 'https://s3.example.com', bucket: 'images', accessKeyId: 'us' },
  ...{ secretAccessKey: 'hidden-words', ...more },
});

test('without a file there is one store in the data directory', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'stores-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const settings = await readStoresFile({ imageStoresFile: '', dataDir });
  t.is(settings.defaultId, 'default');
  t.like(settings.stores, [{ id: 'default', type: 'files', directory: join(dataDir, 'images') }]);
  await t.throwsAsync(readStoresFile({ imageStoresFile: join(dataDir, 'named'), dataDir }), { instanceOf: BadRequest });
  await writeFile(join(dataDir, 'image-stores.json'), '{"stores": 1}');
  await t.throwsAsync(readStoresFile({ imageStoresFile: '', dataDir }), { message: /image-stores\.json: .*stores/ });
});

test('stores are read with what is usual where nothing is said, and secrets stay secret', async (t) => {
  const settings = storesSettings({ default: 'b', stores: [s3('a'), files('b', { weight: 3 })] }, '/data');
  t.is(settings.defaultId, 'b');
  t.like(settings.stores[0], { id: 'a', weight: 0, isReadOnly: false, type: 's3' });
  t.notRegex(JSON.stringify(settings), /hidden-words/);
  const { all, default: usual } = await openStores(settings, ours);
  t.is(usual.id, 'b');
  t.like(all[0]?.properties, { s3_store_bucket: 'images', s3_store_large_object_chunk_size: 10 });
  t.notRegex(JSON.stringify(all), /hidden-words/);
});

for (const [what, content] of Object.entries({
  'no store': { stores: [] },
  'a setting that nobody knows': { stores: [files('a', { directroy: '/x' })] },
  'a setting of another type of store': { stores: [files('a', { bucket: 'images' })] },
  'a type that nobody knows': { stores: [{ id: 'a', type: 'swift' }] },
  'an id with a comma': { stores: [files('a,b')] },
  'an id that is Glance’s own': { stores: [files('os_glance_staging_store')] },
  'an id that is ours': { stores: [files('registry')] },
  'an id that is there twice': { stores: [files('a'), s3('a')] },
  'two stores in one directory': { stores: [files('a'), files('b', { directory: '/srv/x/../a' })] },
  'two stores in one place of a bucket': { stores: [s3('a'), s3('b', { endpoint: 'https://s3.example.com/' })] },
  'a directory among what is staged': { stores: [files('a', { directory: '/data/staging' })] },
  'the data directory itself': { stores: [files('a', { directory: '/data' })] },
  'a directory that depends on where one stands': { stores: [files('a', { directory: 'images' })] },
  'a default that is not there': { default: 'b', stores: [files('a')] },
  'a default that takes nothing': { stores: [files('a', { readOnly: true })] },
  'an address that is none': { stores: [s3('a', { endpoint: 's3.example.com' })] },
  'a password in an address': { stores: [s3('a', { endpoint: 'https://a:b@s3.example.com' })] },
  'a prefix that is half a name': { stores: [s3('a', { prefix: 'images' })] },
  'parts that are too small': { stores: [s3('a', { partMib: 4 })] },
}))
  test(`${what} is refused`, (t) => {
    t.throws(() => storesSettings(content, '/data'), { instanceOf: BadRequest });
  });

test('links to a directory of another store, or among what is staged, are refused, and a link of the operator’s is not', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'stores-'));
  t.teardown(() => rm(root, { recursive: true }));
  const [dataDir, disk] = [join(root, 'data'), join(root, 'disk')];
  for (const directory of [disk, join(dataDir, 'staging')]) await mkdir(directory, { recursive: true });
  await symlink(disk, join(dataDir, 'images'));
  await symlink(join(dataDir, 'staging'), join(root, 'staged'));
  const home = files('a', { directory: join(dataDir, 'images') });
  t.like(storesSettings({ stores: [home] }, dataDir).stores, [{ isAtHome: true }]);
  t.like(storesSettings({ stores: [files('a', { directory: disk })] }, dataDir).stores, [{ isAtHome: false }]);
  await mkdir(join(root, 'other'));
  await symlink(join(root, 'other'), join(disk, 'out'));
  const out = files('a', { directory: join(dataDir, 'images', 'out') });
  t.like(storesSettings({ stores: [out] }, dataDir).stores, [{ isAtHome: false }]);
  const same = { stores: [home, files('b', { directory: disk })] };
  t.throws(() => storesSettings(same, dataDir), { instanceOf: BadRequest, message: /same place/ });
  const inner = { stores: [files('a', { directory: join(root, 'staged', 'inner') })] };
  t.throws(() => storesSettings(inner, dataDir), { instanceOf: BadRequest, message: /in images only/ });
});

test('certificates that are not there are told of', async (t) => {
  const settings = storesSettings({ stores: [s3('a', { caFile: '/nowhere/ca.pem' })] }, '/data');
  await t.throwsAsync(openStores(settings, ours), {
    instanceOf: BadRequest,
    message: /certificates of image store a/,
  });
});
