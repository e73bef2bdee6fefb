import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

const servers = '/compute/v2.1/servers';

test('servers are found and sorted by all that Nova finds and sorts them by, and by nothing in silence', async (t) => {
  const cloud = await startTestCloud(t, { reclaimServerSeconds: 3600 });
  const { createServer } = await prepareCompute(t, cloud);
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const ids = {
    running: await createServer({ name: 'running', config_drive: true }),
    stopped: await createServer({ name: 'stopped' }),
    locked: await createServer({ name: 'locked' }),
    kept: await createServer({ name: 'kept' }),
  };
  await cloud.settle();
  await atVersion(member, '2.19').put(`${servers}/${ids.stopped}`, { server: { description: 'about nothing' } });
  await member.post(`${servers}/${ids.stopped}/action`, { 'os-stop': null }, 202);
  await member.post(`${servers}/${ids.locked}/action`, { lock: null }, 202);
  await member.delete(`${servers}/${ids.kept}`);
  await cloud.settle();

  const found = async (client: typeof member, minor: number, query: string) => {
    const { servers: some } = await atVersion(client, `2.${minor}`).get(`${servers}?${query}`);
    return some
      .map(({ name }: { name: string }) => name)
      .sort()
      .join(' ');
  };
  const all = 'locked running stopped';
  const filters: [query: string, found: string][] = [
    ['vm_state=stopped', 'stopped'],
    ['vm_state=soft-delete', 'kept'],
    ['task_state=spawning', ''],
    ['power_state=4', 'stopped'],
    ['power_state=1', 'locked running'],
    ['progress=100', 'locked running'],
    ['config_drive=True', 'running'],
    ['config_drive=False', 'locked stopped'],
    ['availability_zone=nova', all],
    ['availability_zone=elsewhere', ''],
    [`created_at=${new Date().getUTCFullYear()}`, all],
    ['launched_at=1999', ''],
    ['terminated_at=.', ''],
  ];
  for (const [query, names] of filters) {
    t.is(await found(member, 83, query), names, query);
    t.is(await found(admin, 1, `${query}&all_tenants=1`), names, `${query} by an administrator`);
    t.is(await found(member, 82, query), all, `${query} is for administrators before 2.83`);
  }
  t.is(await found(member, 90, 'hostname=topp'), 'stopped');
  t.is(await found(member, 89, 'hostname=topp'), all);

  const forAdministrators: [query: string, found: string][] = [
    ['locked_by=owner', 'locked'],
    ['soft_deleted=true', 'kept locked running stopped'],
    ['deleted=true', 'kept'],
    ['deleted=true&soft_deleted=false', ''],
    ['changes-since=2000-01-01T00:00:00Z', 'kept locked running stopped'],
    ['display_name=^run', 'running'],
    ['display_description=nothing', 'stopped'],
    [`uuid=${ids.locked}`, 'locked'],
    ['image_ref=nonsense', ''],
    ['node=.', all],
    ['host=nowhere', ''],
    ['launch_index=0', all],
    ['root_device_name=vda', all],
    ['kernel_id=.', ''],
    ['auto_disk_config=false', all],
    ['access_ip_v4=.', ''],
    ['project_id=of-another', ''],
    [`tenant_id=${member.projectId}`, all],
    [`instance_name=${ids.running}`, 'running'],
  ];
  for (const [query, names] of forAdministrators) t.is(await found(admin, 60, `${query}&all_tenants=1`), names, query);
  t.is(await found(admin, 60, `project_id=${member.projectId}`), '', 'their own project, unless all are asked for');
  for (const query of ['metadata=x', 'info_cache=x', '_x=y']) {
    t.is(
      (await admin.get(`${servers}?${query}`, 400)).badRequest.message,
      `Invalid filter field: ${query.slice(0, -2)}.`,
    );
    t.is(await found(member, 1, query), all, 'which others cannot filter by at all');
  }

  const sorted = async (minor: number, query: string) =>
    (await atVersion(admin, `2.${minor}`).get(`${servers}?all_tenants=1&${query}`)).servers.map(
      ({ name }: { name: string }) => name,
    );
  t.deepEqual(await sorted(1, 'sort_key=power_state&sort_dir=desc&sort_key=display_name&sort_dir=asc'), [
    'stopped',
    'locked',
    'running',
  ]);
  t.deepEqual(await sorted(73, 'sort_key=locked&sort_dir=desc&limit=1'), ['locked']);
  t.deepEqual(await sorted(1, 'sort_key=memory_mb&sort_dir=asc&sort_key=display_name&sort_dir=asc'), [
    'locked',
    'running',
    'stopped',
  ]);
  await atVersion(admin, '2.75').get(`${servers}?sort_key=memory_mb`, 400);
  for (const key of nova) await sorted(96, `sort_key=${key}&limit=1&marker=${ids.locked}`);
  for (const key of ['host', 'node'])
    t.regex(
      (await member.get(`${servers}?sort_key=${key}`, 403)).forbidden.message,
      /Only administrators can sort servers by/,
    );
});

/** Its VALID_SORT_KEYS without those that it passes over. */
const nova =
  `access_ip_v4 access_ip_v6 auto_disk_config availability_zone config_drive created_at display_description display_name host
  hostname image_ref instance_type_id kernel_id key_name launch_index launched_at locked locked_by node power_state progress project_id
  ramdisk_id root_device_name task_state terminated_at updated_at user_id uuid vm_state`.split(/\s+/);
