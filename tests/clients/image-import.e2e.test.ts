/** The `glance` client's commands for images and what imports them, which Debian 12's `openstack` lacks. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../../image/testing.ts';
import { startClientCloud } from '../conformance/cloud.ts';
import { prepareImages } from '../conformance/images.ts';
import { type Glance, row, startGlance } from './glance.ts';
import { startOpenstack } from './openstack.ts';

const rawBare = ['--disk-format', 'raw', '--container-format', 'bare'];
const cell = (table: string, key: string) => table.match(new RegExp(`^\\| ${key} +\\| (\\S*) +\\|$`, 'm'))?.[1] ?? '';
const become = (glance: Glance, id: string, status: string) =>
  until(async () => cell(await glance('image-show', [id]), 'status') === status);

test('images are staged, imported, downloaded from the web and copied to other stores, and their tasks tell of it', async (t) => {
  t.timeout(600_000);
  const { settings, conf } = await prepareImages(t);
  const uri = String(conf.image!.http_image);
  const cloud = await startClientCloud(t, settings);
  const { admin, member } = startGlance(t, cloud.url);
  const os = startOpenstack(t, cloud.url);
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-imports-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [file, copy] = [join(directory, 'disk'), join(directory, 'copy')];
  await writeFile(file, Buffer.alloc(100_000, 7));

  t.regex(await member('import-info'), /web-download/);
  const staged = cell(await member('image-create', [...rawBare, '--name', 'staged']), 'id');
  await member('image-stage', ['--file', file, staged]);
  t.regex(await member('image-show', [staged]), row('status', 'uploading'));
  await member('image-import', [staged, '--import-method', 'glance-direct']);
  await become(member, staged, 'active');
  await member('image-download', ['--file', copy, staged]);
  t.deepEqual(await readFile(copy), await readFile(file));
  t.regex(await member('image-tasks', [staged]), /success/);

  t.regex(await member('stores-info'), /"default": "true"/);
  t.regex(await admin('stores-info', ['--detail']), /"type": "file"/);
  await admin('image-import', [staged, '--import-method', 'copy-image', '--stores', 'second']);
  await until(async () => cell(await member('image-show', [staged]), 'stores') === 'default,second');
  await admin('stores-delete', ['--store', 'default', staged]);
  t.is(cell(await member('image-show', [staged]), 'stores'), 'second');
  const third = cell(await member('image-create', [...rawBare, '--store', 'third', '--file', file]), 'id');
  t.is(cell(await member('image-show', [third]), 'stores'), 'third');

  const direct = ['--import-method', 'glance-direct', '--file', file, ...rawBare, '--property', 'colour=blue'];
  await become(member, cell(await member('image-create-via-import', direct), 'id'), 'active');
  const web = cell(
    await member('image-create-via-import', ['--import-method', 'web-download', '--uri', uri, ...rawBare]),
    'id',
  );
  await become(member, web, 'active');
  const queued = cell(await member('image-create', rawBare), 'id');
  const inside = ['--import-method', 'web-download', '--uri', 'http://169.254.169.254/'];
  await t.throwsAsync(member('image-import', [queued, ...inside]), { message: /public address/ });
  await member('image-upload', ['--file', file, queued]);
  const task = /^\| (\S{36}) +\| api_image_import \| success/m.exec(await admin('task-list'))?.[1] ?? '';
  t.regex(await admin('task-show', [task]), row('status', 'success'));
  await t.throwsAsync(member('task-list'), { message: /tasks_api_access/ });

  const imported = await os.run('image create --import --disk-format raw --file', file, 'imported');
  await until(async () => (await os.run(`image show ${imported.id}`)).status === 'active');
  t.deepEqual(cloud.errors(), []);
});

test('images are changed, tagged, shared, taken out of use and counted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const { admin, member } = startGlance(t, cloud.url);
  const os = startOpenstack(t, cloud.url);
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-images-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'disk');
  await writeFile(file, Buffer.alloc(2 ** 20));

  const id = cell(await member('image-create', [...rawBare, '--name', 'disk', '--file', file, '--tags', 'new']), 'id');
  await member('image-update', [id, '--name', 'other', '--property', 'shape=round', '--hidden', 'true']);
  t.regex(await member('image-list', ['--hidden', 'true', '--property-filter', 'shape=round']), row(id, 'other'));
  await member('image-update', [id, '--remove-property', 'shape', '--hidden', 'false', '--visibility', 'shared']);
  await member('image-tag-update', [id, 'old']);
  await member('image-tag-delete', [id, 'new']);
  const shown = await member('image-show', [id]);
  t.regex(shown, row('tags', '\\["old"\\]'));
  t.notRegex(shown, /shape/);
  t.regex(await member('image-list', ['--tag', 'old', '--sort', 'size:asc,name', '--limit', '1']), row(id, 'other'));
  t.regex(await member('usage'), /image_count_total +\| -1 +\| +1 /);
  t.regex(await member('explain', ['image']), /os_hash_value/);

  const { id: project } = await os.run('project show admin');
  t.regex(await member('member-create', [id, project]), /pending/);
  await os.run(`image set --reject ${id}`);
  t.regex(await member('member-list', ['--image-id', id]), /rejected/);
  await admin('member-update', [id, project, 'accepted']);
  t.like((await os.run(`image member list ${id}`))[0], { Status: 'accepted' });
  await os.run(`image set --pending ${id}`);
  t.regex(await member('member-get', [id, project]), /pending/);
  await member('member-delete', [id, project]);
  t.deepEqual(await os.run(`image member list ${id}`), []);

  await member('image-deactivate', [id]);
  await t.throwsAsync(member('image-download', ['--file', join(directory, 'copy'), id]), { message: /deactivated/ });
  await member('image-reactivate', [id]);
  await member('image-delete', [id]);
  await t.throwsAsync(member('image-show', [id]), { message: /could not be found/ });
  t.deepEqual(cloud.errors(), []);
});
