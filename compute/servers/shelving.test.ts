import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { atVersion, hostFacts, prepareCompute, type TestCloud } from '../testing.ts';

const actionPath = (id: string) => `/compute/v2.1/servers/${id}/action`;

async function shelvable(t: Parameters<typeof prepareCompute>[0], cloud: TestCloud, changes: object = {}) {
  const ground = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await ground.createServer(changes);
  await cloud.settle();
  return {
    ...ground,
    id,
    member,
    act: (body: object, status = 202) => member.post(actionPath(id), body, status),
    shown: () => ground.show(id),
    claim: () => cloud.db('compute_claims').where({ id }).first(),
    images: async () =>
      (await member.get('/image/v2/images?name=web-shelved')).images as { id: string; status: string }[],
    eventsOf: async (action: string) => {
      const path = `/compute/v2.1/servers/${id}/os-instance-actions`;
      const { instanceActions } = await cloud.as('admin').get(path);
      const { request_id } = instanceActions.find((one: { action: string }) => one.action === action);
      return (await cloud.as('admin').get(`${path}/${request_id}`)).instanceAction;
    },
  };
}

test('a shelved server gives up its host, keeps its disk as an image, and comes back on a host with room', async (t) => {
  const cloud = await startTestCloud(t);
  const networkId = (await cloud.as('member').post('/network/v2.0/networks', { network: { name: 'n' } }, 201)).network
    .id;
  const subnet = { network_id: networkId, ip_version: 4, cidr: '10.9.0.0/24' };
  await cloud.as('member').post('/network/v2.0/subnets', { subnet }, 201);
  const { act, shown, claim, images, eventsOf, host, id, member } = await shelvable(t, cloud, {
    networks: [{ uuid: networkId }],
  });
  const portHost = async () => (await cloud.db('ports').where({ attached_to: id }).first()).host_name;
  const before = await claim();

  await act({ unshelve: null }, 409);
  await act({ shelve: null });
  t.like(await shown(), { status: 'ACTIVE', 'OS-EXT-STS:task_state': 'shelving' });
  const refused = await act({ shelve: null }, 409);
  t.is(refused.conflictingRequest.message, `Cannot 'shelve' instance ${id} while it is in task_state shelving`);
  await cloud.settle();
  t.like(await shown(), {
    status: 'SHELVED_OFFLOADED',
    'OS-EXT-STS:vm_state': 'shelved_offloaded',
    'OS-EXT-STS:task_state': null,
    'OS-EXT-STS:power_state': 0,
    hostId: '',
  });
  t.is(host.servers.size, 0);
  t.like(await claim(), { ...before, host_id: null }, 'it counts in the quota, and takes nothing of any host');
  t.is(await portHost(), null);
  const [image] = await images();
  t.like(image, { status: 'active', image_type: 'snapshot', instance_uuid: id });
  t.like(await eventsOf('shelve'), {
    message: null,
    events: [{ event: 'compute_shelve_instance', result: 'Success' }],
  });
  t.is((await member.get('/compute/v2.1/limits')).limits.absolute.totalInstancesUsed, 1);
  for (const body of [
    { 'os-start': null },
    { reboot: { type: 'HARD' } },
    { createImage: { name: 'x' } },
    { shelve: null },
  ])
    await act(body, 409);

  await act({ unshelve: null });
  t.like(await shown(), { status: 'SHELVED_OFFLOADED', 'OS-EXT-STS:task_state': 'unshelving' });
  await cloud.settle();
  t.like(await shown(), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  t.regex(host.servers.get(id)?.spec.image.path ?? '', new RegExp(image?.id as string));
  t.is(host.servers.get(id)?.spec.image.format, 'qcow2');
  t.is(await portHost(), 'host-1');
  t.deepEqual(await claim(), before);
  t.deepEqual(await images(), [], 'what it was kept in goes once it runs');
});

test('a shelved server keeps its host for as long as the site says, or until an administrator says otherwise', async (t) => {
  const cloud = await startTestCloud(t, { shelvedOffloadSeconds: 3600 });
  const { act, shown, images, host, id, member } = await shelvable(t, cloud);
  await act({ 'os-stop': null });
  await cloud.settle();
  const shelve = async () => {
    await act({ shelve: null });
    await cloud.settle();
    t.like(await shown(), { status: 'SHELVED', 'OS-EXT-STS:vm_state': 'shelved', 'OS-EXT-STS:task_state': null });
    t.is(host.servers.get(id)?.power, 'shutdown');
  };
  await shelve();
  await member.post(actionPath(id), { shelveOffload: null }, 403);
  await act({ 'os-start': null }, 409);
  const placed = { unshelve: { availability_zone: 'nova' } };
  const refused = await atVersion(member, '2.77').post(actionPath(id), placed, 409);
  t.regex(refused.conflictingRequest.message, /with status "SHELVED" is not supported/);
  await act({ unshelve: null });
  t.like(await shown(), { status: 'SHELVED', 'OS-EXT-STS:task_state': 'unshelving' });
  await cloud.settle();
  t.like(await shown(), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  t.is(host.servers.get(id)?.spec.rootDisk, 1, 'it has never left its disk');
  t.deepEqual(await images(), []);

  await shelve();
  await cloud.as('admin').post(actionPath(id), { shelveOffload: null }, 202);
  t.like(await shown(), { status: 'SHELVED', 'OS-EXT-STS:task_state': 'shelving_offloading' });
  await cloud.settle();
  t.is((await shown()).status, 'SHELVED_OFFLOADED');
  await act({ unshelve: null });
  await cloud.settle();

  await shelve();
  await cloud.sweep();
  await cloud.settle();
  t.is((await shown()).status, 'SHELVED');
  await cloud
    .db('servers')
    .where({ id })
    .update({ shelved_at: cloud.db.raw("now() - interval '2 hours'") });
  await cloud.sweep();
  await cloud.settle();
  t.is((await shown()).status, 'SHELVED_OFFLOADED');
  t.is(host.servers.size, 0);
});

test('nothing of a shelved server is left when it is deleted, and what cannot be kept is not shelved', async (t) => {
  const cloud = await startTestCloud(t);
  const { act, shown, images, eventsOf, host, id, member } = await shelvable(t, cloud);
  host.failNext({ call: 'openSnapshot', kind: 'permanent', message: 'The disk cannot be read.' });
  await act({ shelve: null });
  await cloud.settle();
  t.like(await shown(), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null }, 'it goes on as before');
  t.deepEqual(await images(), []);
  t.like(await eventsOf('shelve'), {
    message: 'Error',
    events: [{ result: 'Error', traceback: 'The disk cannot be read.' }],
  });

  await act({ shelve: null });
  await cloud.settle();
  const [image] = await images();
  await cloud.db('compute_hosts').update({ disabled_reason: 'repairs', is_disabled: true });
  const noRoom = await act({ unshelve: null }, 400);
  t.regex(noRoom.badRequest.message, /disabled/);
  t.like(await shown(), { status: 'SHELVED_OFFLOADED', 'OS-EXT-STS:task_state': null });
  await cloud.db('compute_hosts').update({ disabled_reason: null, is_disabled: false });
  await member.delete(`/image/v2/images/${image?.id}`);
  const gone = await act({ unshelve: null }, 409);
  t.regex(gone.conflictingRequest.message, /that it was kept in is gone/);
  await member.delete(`/compute/v2.1/servers/${id}`);
  await member.get(`/compute/v2.1/servers/${id}`, 404);
});

test('a server deleted while it is shelved takes its image with it, at whichever step', async (t) => {
  const cloud = await startTestCloud(t, { shelvedOffloadSeconds: 3600 });
  const { createServer, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const [shelving, shelved, offloaded, unshelving] = await Promise.all([1, 2, 3, 4].map(() => createServer()));
  await cloud.settle();
  for (const id of [shelved, offloaded, unshelving]) await member.post(actionPath(id as string), { shelve: null }, 202);
  await cloud.settle();
  for (const id of [offloaded, unshelving])
    await cloud.as('admin').post(actionPath(id as string), { shelveOffload: null }, 202);
  await cloud.settle();
  await member.post(actionPath(shelving as string), { shelve: null }, 202);
  await member.post(actionPath(unshelving as string), { unshelve: null }, 202);
  for (const id of [shelving, shelved, offloaded, unshelving]) await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.is(host.servers.size, 0);
  t.deepEqual((await member.get('/image/v2/images?visibility=private')).images, []);
  t.deepEqual(await cloud.db('servers').select('id'), []);
});

test('a shelved server whose guest is lost is offloaded: its image has everything', async (t) => {
  const cloud = await startTestCloud(t, { shelvedOffloadSeconds: -1 });
  const { act, shown, images, host, id } = await shelvable(t, cloud);
  await act({ shelve: null });
  await cloud.settle();
  host.forget(id);
  await cloud.sweep();
  await cloud.settle();
  t.is((await shown()).status, 'SHELVED_OFFLOADED');
  await act({ unshelve: null });
  await cloud.settle();
  t.is((await shown()).status, 'ACTIVE');

  await act({ shelve: null });
  await cloud.settle();
  const [image] = await images();
  host.forget(id);
  await act({ unshelve: null });
  await cloud.settle();
  t.like(await shown(), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  t.regex(host.servers.get(id)?.spec.image.path ?? '', new RegExp(image?.id as string));
});

test('a server comes back in the zone and on the host that were asked for', async (t) => {
  const cloud = await startTestCloud(t);
  const { act, shown, id, member } = await shelvable(t, cloud);
  const admin = cloud.as('admin');
  const size = { vcpus: 8, memoryMib: 8192, diskGib: 100, ...hostFacts };
  await reportHost(cloud.db, { name: 'far', ...size }, null);
  const { aggregate } = await admin.post(
    '/compute/v2.1/os-aggregates',
    {
      aggregate: { name: 'far', availability_zone: 'far' },
    },
    200,
  );
  const onAggregate = `/compute/v2.1/os-aggregates/${aggregate.id}/action`;
  await admin.post(onAggregate, { add_host: { host: 'far' } }, 200);
  await act({ shelve: null });
  await cloud.settle();
  const unshelve = (version: string, value: unknown, status: number, client = member) =>
    atVersion(client, version).post(actionPath(id), { unshelve: value }, status);

  await unshelve('2.77', {}, 400);
  await unshelve('2.77', { availability_zone: null }, 400);
  await unshelve('2.77', { availability_zone: 'nova', host: 'far' }, 400);
  await unshelve('2.91', { rack: 'far' }, 400);
  await unshelve('2.77', { availability_zone: 'nowhere' }, 400);
  await unshelve('2.91', { host: 'far' }, 403);
  t.is(
    (await unshelve('2.91', { host: randomUUID() }, 400, admin)).badRequest.message.includes('could not be found'),
    true,
  );
  const elsewhere = await unshelve('2.91', { availability_zone: 'nova', host: 'far' }, 409, admin);
  t.is(elsewhere.conflictingRequest.message, 'Host "far" is not in the availability zone "nova".');
  await unshelve('2.77', { availability_zone: 'far' }, 202);
  t.like(await shown(), { status: 'SHELVED_OFFLOADED', 'OS-EXT-STS:task_state': 'unshelving' });
  t.like(await cloud.db('servers').where({ id }).first(), { availability_zone: 'far' });
  t.is((await shown())['OS-EXT-AZ:availability_zone'], 'far');
});
