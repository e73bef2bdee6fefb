import test from 'ava';
import { atVersion, uploadImage } from '../../testing.ts';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

test('a server goes to another host with its disk and its ports, and stays there or comes back', async (t) => {
  const { cloud, settle, createServer, show, hostOf, first, second } = await startTwoHosts(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'n' } });
  await member.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, cidr: '10.0.0.0/24', ip_version: 4 },
  });
  const id = await createServer({ networks: [{ uuid: network.id }] });
  await settle();
  const disk = first.disks.get(`${id} 1`);
  t.truthy(disk);
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const claims = async () =>
    (
      await cloud
        .db('compute_claims as c')
        .join('compute_hosts as h', 'h.id', 'c.host_id')
        .where({ 'c.id': id })
        .select('h.name', 'c.kind', 'c.disk_gib')
    )
      .map(({ name, kind, disk_gib: gib }) => `${name} ${kind} ${gib}`)
      .sort();

  await member.post(`${servers}/${id}/action`, { migrate: null }, 403);
  await admin.post(`${servers}/${id}/action`, { migrate: null }, 202);
  t.deepEqual(await claims(), ['host-1 move 1', 'host-2 server 1']);
  t.like(await show(id), { status: 'RESIZE', 'OS-EXT-STS:task_state': 'resize_finish' });
  await settle();
  t.like(await show(id), { status: 'VERIFY_RESIZE', 'OS-EXT-STS:task_state': null });
  t.is(await hostOf(id), 'host-2');
  t.deepEqual(await claims(), ['host-1 move 1', 'host-2 server 1']);
  t.is(first.servers.get(id)?.power, 'shutdown');
  t.is(second.host.servers.get(id)?.power, 'running');
  t.deepEqual([...second.host.disks.values()], [disk], 'it is the same disk');
  const [port] = (await admin.get(`/network/v2.0/ports?device_id=${id}`)).ports;
  t.is(port['binding:host_id'], 'host-2');
  await cloud.sweep();
  await second.sweep();
  t.false(
    cloud.logLines.some((line) => line.includes('renamed')),
    'nobody wonders about the guest that waits',
  );

  await member.post(`${servers}/${id}/action`, { revertResize: null }, 202);
  t.is((await show(id)).status, 'REVERT_RESIZE');
  await settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-1');
  t.deepEqual([second.host.servers.size, second.host.disks.size], [0, 0]);
  t.is(first.servers.get(id)?.power, 'running');
  t.deepEqual(await claims(), ['host-1 server 1']);

  const at56 = atVersion(admin, '2.56');
  await at56.post(`${servers}/${id}/action`, { migrate: { host: 'host-1' } }, 400);
  await at56.post(`${servers}/${id}/action`, { migrate: { host: 'nowhere' } }, 400);
  await at56.post(`${servers}/${id}/action`, { migrate: { host: 'host-2' } }, 202);
  await settle();
  await member.post(`${servers}/${id}/action`, { confirmResize: null }, 204);
  await settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
  t.is(second.host.servers.get(id)?.power, 'running');
  const { migrations } = await atVersion(admin, '2.80').get(`/compute/v2.1/os-migrations?instance_uuid=${id}`);
  t.deepEqual(
    migrations.map((one: { status: string; migration_type: string }) => `${one.migration_type} ${one.status}`),
    ['migration confirmed', 'migration reverted'],
  );
  t.like(migrations[0], { source_compute: 'host-1', dest_compute: 'host-2', project_id: admin.projectId });
  t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
});

test('a server goes with its ephemeral disks and its swap, shut down or running, and what another size has besides is made there', async (t) => {
  const { cloud, settle, createServer, show, hostOf, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const sizes = [
    { id: 'with-disks', ram: 64, swap: 64, 'OS-FLV-EXT-DATA:ephemeral': 2 },
    { id: 'larger', ram: 128, swap: 128, 'OS-FLV-EXT-DATA:ephemeral': 2 },
  ];
  for (const size of sizes)
    await cloud
      .as('admin')
      .post('/compute/v2.1/flavors', { flavor: { name: size.id, vcpus: 1, disk: 1, ...size } }, 200);
  const id = await createServer({ networks: [], flavorRef: 'with-disks' });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const disksOf = ({ disks }: typeof first) =>
    [...disks].filter(([name]) => name.startsWith(id)).map(([name, data]) => `${name.slice(37)}: ${data}`);
  const had = ['root', 'ephemeral', 'swap'].map((kind) => Buffer.from(`the ${kind} disk as the guest left it`));
  for (const [i, name] of [...first.disks.keys()].entries()) first.disks.set(name, had[i] as Buffer);
  t.is(first.disks.size, 3);

  await admin.post(`${servers}/${id}/action`, { 'os-migrateLive': { block_migration: 'auto', host: null } }, 202);
  await settle();
  t.deepEqual([(await show(id)).status, await hostOf(id)], ['ACTIVE', 'host-2']);
  t.deepEqual(disksOf(second.host), [`1: ${had[0]}`, `1 local 0: ${had[1]}`, `1 local 1: ${had[2]}`]);
  t.deepEqual(disksOf(first), []);

  await admin.post(`${servers}/${id}/action`, { migrate: null }, 202);
  await settle();
  t.deepEqual([(await show(id)).status, await hostOf(id)], ['VERIFY_RESIZE', 'host-1']);
  const [, at = ''] = disksOf(first)[0]?.match(/^(\d+)/) ?? [];
  t.deepEqual(disksOf(first), [`${at}: ${had[0]}`, `${at} local 0: ${had[1]}`, `${at} local 1: ${had[2]}`]);
  await admin.post(`${servers}/${id}/action`, { confirmResize: null }, 204);
  await settle();
  t.deepEqual(disksOf(second.host), []);

  await cloud.db('compute_hosts').where({ name: 'host-1' }).update({ is_disabled: true });
  await admin.post(`${servers}/${id}/action`, { resize: { flavorRef: 'larger' } }, 202);
  await settle();
  t.deepEqual([(await show(id)).status, await hostOf(id)], ['VERIFY_RESIZE', 'host-2']);
  const [root, ephemeral, swap] = disksOf(second.host);
  t.true(root?.endsWith(`: ${had[0]}`) && ephemeral?.endsWith(`local 0: ${had[1]}`));
  t.false(swap?.endsWith(String(had[2])), 'swap of another size is another one');
  await admin.post(`${servers}/${id}/action`, { revertResize: null }, 202);
  await settle();
  t.deepEqual([(await show(id)).status, await hostOf(id)], ['ACTIVE', 'host-1']);
  t.deepEqual(disksOf(first), [`${at}: ${had[0]}`, `${at} local 0: ${had[1]}`, `${at} local 1: ${had[2]}`]);
  t.deepEqual(disksOf(second.host), []);
});

test('a server whose image is gone from everywhere does not leave, and is not shut down for that', async (t) => {
  const { cloud, settle, createServer, show, first, hostOf } = await startTwoHosts(t);
  const admin = cloud.as('admin');
  const imageRef = await uploadImage(t, cloud);
  const id = await createServer({ networks: [], imageRef });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.delete(`/image/v2/images/${imageRef}`);
  await cloud.settle();
  await cloud.db('host_images').where({ image_id: imageRef }).delete();
  const live = { 'os-migrateLive': { block_migration: 'auto', host: null } };
  for (const body of [{ migrate: null }, live]) {
    const refused = await atVersion(admin, '2.80').post(`${servers}/${id}/action`, body, 400);
    t.regex(JSON.stringify(refused), /the image .* that its disk stands on is gone/);
  }
  t.is((await show(id)).status, 'ACTIVE');
  t.is(first.servers.get(id)?.output, 'booted\n');

  const host = await cloud.db('compute_hosts').where({ name: 'host-2' }).first('id');
  await cloud.db('host_images').insert({ host_id: host.id, image_id: imageRef, kind: 'disk', size_bytes: 1 });
  await admin.post(`${servers}/${id}/action`, { migrate: null }, 202); // that host has kept a copy
  t.is(await hostOf(id), 'host-1');
});

test('why a server could not go is told without what only operators are to see', async (t) => {
  const { cloud, settle, createServer, show, first, hostOf } = await startTwoHosts(t);
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  first.failNext({ call: 'openDisk', kind: 'unforeseen', message: 'ENOENT: no such file /secret/place' });
  await cloud.as('admin').post(`${servers}/${id}/action`, { migrate: null }, 202);
  await cloud.db('servers').update({ failing_since: cloud.db.raw("now() - interval '1 day'") });
  await settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-1');
  const { reason } = await cloud.db('server_migrations').first('reason');
  t.is(reason, 'The host failed; the log of its agent says why.');
  t.true(cloud.logLines.some((line) => line.includes('/secret/place')));
});
