import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute, uploadImage } from '../testing.ts';

test('a reference that leads nowhere is refused in the words of Nova, and leaves nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, flavorId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = randomUUID();
  const cases: [object, number, string][] = [
    [{ imageRef: 'x' }, 400, 'Invalid imageRef provided.'],
    [{ imageRef: id }, 400, 'Can not find requested image'],
    [{ imageRef: '' }, 400, 'Missing imageRef attribute: servers start from an image; there are no volumes yet.'],
    [{ flavorRef: 'nope' }, 400, 'Flavor nope could not be found.'],
    [{ key_name: 'nope' }, 400, 'Invalid key_name provided.'],
    [{ networks: [{ uuid: id }] }, 400, `Network ${id} could not be found.`],
    [{ networks: [{ port: id }] }, 400, `Port ${id} could not be found.`],
    [{ networks: [{}] }, 400, "Bad network format: missing 'uuid'"],
    [{ security_groups: [{ name: 'nope' }] }, 400, 'Security Group nope could not be found.'],
    [{ availability_zone: 'nope' }, 400, 'The requested availability zone is not available'],
    [
      { availability_zone: 'nova:host-1' },
      403,
      `Policy doesn't allow os_compute_api:servers:create:forced_host to be performed: it requires the role admin on a project or the system (you have the roles member, reader on the project ${member.projectId}).`,
    ],
    [{ user_data: '%%%' }, 400, 'Userdata content cannot be decoded'],
    [{ min_count: 3, max_count: 2 }, 400, 'min_count must be <= max_count'],
    [
      { max_count: 2, networks: [{ port: id }] },
      400,
      'Failed to launch multiple instances with a single configured port ID.',
    ],
    [
      { description: 'x' },
      400,
      'Invalid input for field/attribute description: it is unexpected before microversion 2.19.',
    ],
    [
      { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume', volume_size: 1 }] },
      400,
      'Block Device Mapping is Invalid: there are no volumes: a source_type blank with destination_type volume cannot be had.',
    ],
  ];
  for (const [changes, status, message] of cases) {
    const server = { name: 'web', imageRef: imageId, flavorRef: flavorId, ...changes };
    const answer = await member.post('/compute/v2.1/servers', { server }, status);
    const [fault] = Object.values(answer) as { code: number; message: string }[];
    t.like(fault, { code: status, message });
  }
  for (const name of ['', ' web', 'web ', 'a\nb', 'x'.repeat(256)])
    await member.post('/compute/v2.1/servers', { server: { name, imageRef: imageId, flavorRef: flavorId } }, 400);
  const unknown = { name: 'web', imageRef: imageId, flavorRef: flavorId, nonsense: 'x' };
  await member.post('/compute/v2.1/servers', { server: unknown }, 400);
  t.deepEqual((await member.get('/compute/v2.1/servers')).servers, []);
});

test('a flavor too small for its image is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const needy = await uploadImage(t, cloud, { min_disk: 5 });
  const hungry = await uploadImage(t, cloud, { min_ram: 128 });
  const post = (imageRef: string) =>
    cloud.as('member').post('/compute/v2.1/servers', { server: { name: 'w', imageRef, flavorRef: 'tiny' } }, 400);
  t.regex((await post(needy)).badRequest.message, /smaller than the minimum size/);
  t.is((await post(hungry)).badRequest.message, "Flavor's memory is too small for requested image.");
  await createServer();
});

test('a flavor without a disk is for administrators, and its servers get no smaller or larger disks than they have', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  for (const [id, disk] of [
    ['none', 0],
    ['little', 2],
    ['enough', 3],
  ] as const)
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram: 64, vcpus: 1, disk } }, 200);
  const [large, larger] = [await uploadImage(t, cloud), await uploadImage(t, cloud)];
  const grow = (id: string, gib: number) =>
    cloud
      .db('images')
      .where({ id })
      .update({ virtual_size_bytes: gib * 2 ** 30 });
  await grow(large, 3);
  await grow(larger, 4);
  const body = { server: { name: 'w', imageRef: large, flavorRef: 'none' } };
  const refused = await member.post('/compute/v2.1/servers', body, 403);
  t.is(refused.forbidden.message, 'Only volume-backed servers are allowed for flavors with zero disk.');
  const { server } = await admin.post('/compute/v2.1/servers', body, 202);
  await cloud.settle();
  const act = (action: object, status: number) =>
    admin.post(`/compute/v2.1/servers/${server.id}/action`, action, status);
  const shrunk = await act({ resize: { flavorRef: 'little' } }, 400);
  t.is(shrunk.badRequest.message, 'Unable to resize disk down.');
  const tooLarge = await act({ rescue: { rescue_image_ref: larger } }, 400);
  t.regex(tooLarge.badRequest.message, /^The disk of the server is too small for the rescue image/);
  await act({ rescue: { rescue_image_ref: imageId } }, 200);
  await cloud.settle();
  await act({ unrescue: null }, 202);
  await cloud.settle();
  await act({ resize: { flavorRef: 'enough' } }, 202);
});

test('a server that fits nowhere is in error and says which check failed, host by host, by how much', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const flavor = { id: 'vast', name: 'vast', ram: 64, vcpus: 1, disk: 100_000 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const id = await createServer({ flavorRef: 'vast' });
  const seen = await show(id);
  t.is(seen.status, 'ERROR');
  t.is(
    seen.fault?.message,
    'No valid host was found. There are not enough hosts available: DiskFilter refused 1 host (99000 GiB of disk missing).',
  );
  const byAdmin = await admin.get(`/compute/v2.1/servers/${id}`);
  t.is(byAdmin.server.fault.details, 'host-1: DiskFilter: 100000 GiB of disk asked for, 1000 of 1000 free');
  t.is(byAdmin.server['OS-EXT-SRV-ATTR:host'], null);
  const bad = { name: 'w', imageRef: imageId, flavorRef: 'vast', networks: [{ uuid: randomUUID() }] };
  await member.post('/compute/v2.1/servers', { server: bad }, 400);
  const refused = await member.post(`/compute/v2.1/servers/${id}/action`, { 'os-start': null }, 409);
  t.truthy(refused.conflictingRequest);
  await member.delete(`/compute/v2.1/servers/${id}`);
  await member.get(`/compute/v2.1/servers/${id}`, 404);
});

test('a quota is never exceeded, however many ask at once, and what is gone is not counted', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, flavorId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const ask = () =>
    member.request({
      method: 'POST',
      path: '/compute/v2.1/servers',
      body: { server: { name: 'web', imageRef: imageId, flavorRef: flavorId } },
    });
  await ask();
  const answers = await Promise.all(Array.from({ length: 31 }, ask));
  const refused = answers.filter(({ status }) => status === 403);
  t.is(refused.length, 22);
  t.is(
    refused[0]?.body.forbidden.message,
    'Quota exceeded for instances: Requested 1, but already used 10 of 10 instances',
  );
  const { limits } = await member.get('/compute/v2.1/limits');
  t.like(limits.absolute, { totalInstancesUsed: 10, maxTotalInstances: 10, totalCoresUsed: 10, totalRAMUsed: 640 });
  await cloud.settle();
  const { servers } = await member.get('/compute/v2.1/servers');
  await member.delete(`/compute/v2.1/servers/${servers[0].id}`);
  await cloud.settle();
  t.is((await ask()).status, 202);
});

test('on a shared network a server gets an address, and does not choose it', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, flavorId } = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const { network } = await admin.post('/network/v2.0/networks', { network: { name: 'shared', shared: true } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.50.0.0/24' };
  await admin.post('/network/v2.0/subnets', { subnet });
  const server = { name: 'web', imageRef: imageId, flavorRef: flavorId };
  const networks = [{ uuid: network.id, fixed_ip: '10.50.0.1' }];
  await cloud.as('member').post('/compute/v2.1/servers', { server: { ...server, networks } }, 403);
  await cloud
    .as('member')
    .post('/compute/v2.1/servers', { server: { ...server, networks: [{ uuid: network.id }] } }, 202);
});

test('several servers are made at once, as many as the quota allows and not fewer than the least', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, flavorId, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const make = (more: object, status = 202) =>
    member.post(
      '/compute/v2.1/servers',
      { server: { name: 'web', imageRef: imageId, flavorRef: flavorId, ...more } },
      status,
    );
  const { reservation_id } = await make({ min_count: 2, max_count: 3, return_reservation_id: true });
  await cloud.settle();
  const named = async (query: string) =>
    (await member.get(`/compute/v2.1/servers?sort_key=launch_index&sort_dir=asc&${query}`)).servers.map(
      ({ name }: { name: string }) => name,
    );
  t.deepEqual(await named(`reservation_id=${reservation_id}`), ['web-1', 'web-2', 'web-3']);
  t.is(host.servers.size, 3);
  const { server } = await make({ min_count: 5, max_count: 100 });
  t.is((await named('')).length, 10, 'the quota of ten');
  t.regex(server.adminPass, /^\w{12}$/);
  const refused = await make({ min_count: 1 }, 403);
  t.regex(refused.forbidden.message, /^Quota exceeded for instances: Requested 1, but already used 10 of 10/);
});

test('a password and files wait on the config drive for the first boot, and the password no longer', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const personality = [{ path: '/etc/motd', contents: Buffer.from('hello').toString('base64') }];
  const id = await createServer({ adminPass: 'pa55', personality, config_drive: true });
  await cloud.settle();
  const drive = host.servers.get(id)?.spec.configDrive ?? {};
  t.is(JSON.parse(String(drive['openstack/latest/meta_data.json'])).admin_pass, 'pa55');
  t.is(Buffer.from(drive['openstack/content/0000'] ?? '').toString(), 'hello');
  t.is((await cloud.db('server_boot_data').where({ server_id: id }).first()).admin_password, null);
  await cloud.as('member').post(`/compute/v2.1/servers/${id}/action`, { reboot: { type: 'HARD' } }, 202);
  await cloud.settle();
  const later = host.servers.get(id)?.spec.configDrive ?? {};
  t.false('admin_pass' in JSON.parse(String(later['openstack/latest/meta_data.json'])));
});
