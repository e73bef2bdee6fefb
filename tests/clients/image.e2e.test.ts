/** The `openstack` client's commands for images. Those for metadata definitions are in image-metadefs.e2e.test.ts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { personas } from '../personas.ts';
import { startOpenstack } from './openstack.ts';

test('images are made, listed, changed, shared, taken out of use and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const { project = '', password } = personas.member;
  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: password, OS_PROJECT_NAME: project ?? '' });
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-images-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [file, copy] = [join(directory, 'disk'), join(directory, 'copy')];
  await writeFile(file, Buffer.alloc(100_000, 7));

  const made = await os.run(
    'image create --disk-format raw --container-format bare --tag new --property colour=blue --shared disk --file',
    file,
  );
  await os.run('image create --disk-format raw --container-format bare hidden --file', file);
  await os.run('image set --hidden hidden');
  const [listed] = await os.run(
    'image list --long --property colour=blue --tag new --status active --sort-column Name',
  );
  t.like(listed, { ID: made.id, Name: 'disk', Size: 100_000 });
  t.deepEqual(
    (await os.run('image list --hidden')).map(({ Name }: { Name: string }) => Name),
    ['hidden'],
  );
  await os.run('image set --min-disk 1 --property shape=round --tag old disk');
  await os.run('image unset --tag new --property colour disk');
  const changed = await os.run('image show disk');
  t.like(changed, { min_disk: 1, tags: ['old'], status: 'active' });
  t.is(changed.properties.shape, 'round');
  t.false('colour' in changed.properties);

  const projectId = (await member.run('token issue')).project_id;
  await os.run('image add project disk', projectId);
  t.deepEqual(await member.run('image list'), []);
  await member.run(`image set --accept ${made.id}`);
  t.is((await member.run('image list')).length, 1);
  await member.run(`image save ${made.id} --file`, copy);
  t.deepEqual(await readFile(copy), await readFile(file));

  await os.run('image set --deactivate disk');
  t.is((await os.run('image show disk')).status, 'deactivated');
  t.not((await member.attempt(`image save ${made.id} --file`, join(directory, 'refused'))).code, 0);
  await os.run('image set --activate disk');
  t.is((await os.run('image show disk')).status, 'active');

  await os.run('image set --protected disk');
  t.regex((await os.attempt('image delete disk')).stderr, /protected/);
  await os.run('image set --unprotected disk');
  await os.run('image remove project disk', projectId);
  await os.run('image delete disk hidden');
  t.deepEqual(await os.run('image list'), []);
  t.deepEqual(cloud.errors(), []);
});
