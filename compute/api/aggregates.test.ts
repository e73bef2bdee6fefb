import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { atVersion, hostFacts, prepareCompute } from '../testing.ts';

const path = '/compute/v2.1/os-aggregates';
const size = { vcpus: 4, memoryMib: 4096, diskGib: 100 };

test('aggregates are made, changed and deleted by administrators', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.settle();
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await member.get(path, 403);
  const { aggregate } = await admin.post(path, { aggregate: { name: 'fast', availability_zone: 'east' } }, 200);
  t.like(aggregate, { name: 'fast', availability_zone: 'east', deleted: false, deleted_at: null, updated_at: null });
  t.false('hosts' in aggregate);
  t.false('uuid' in aggregate);
  await admin.post(path, { aggregate: { name: 'fast' } }, 409);
  for (const bad of [{ name: '' }, { name: ' x' }, { name: 'x', availability_zone: 'a:b' }, { name: 'x', more: 1 }, {}])
    await admin.post(path, { aggregate: bad }, 400);
  const one = `${path}/${aggregate.id}`;
  t.is(typeof (await atVersion(admin, '2.41').get(one)).aggregate.uuid, 'string');
  await admin.get(`${path}/999`, 404);
  await admin.get(`${path}/x`, 400);
  t.is((await admin.put(one, { aggregate: { name: 'faster' } })).aggregate.name, 'faster');
  await admin.put(one, { aggregate: {} }, 400);
  await admin.put(one, { aggregate: { availability_zone: null } }, 400);
  const act = (action: object, status = 200) => admin.post(`${one}/action`, action, status);
  const set = { set_metadata: { metadata: { ssd: 'true', old: 'x' } } };
  t.deepEqual((await act(set)).aggregate.metadata, { availability_zone: 'east', ssd: 'true', old: 'x' });
  const unset = { set_metadata: { metadata: { old: null } } };
  t.deepEqual((await act(unset)).aggregate.metadata, { availability_zone: 'east', ssd: 'true' });
  await act({ set_metadata: { metadata: { availability_zone: '' } } }, 400);
  await act({ add_host: { host: 'nowhere' } }, 404);
  t.deepEqual((await act({ add_host: { host: 'host-1' } })).aggregate.hosts, ['host-1']);
  await act({ add_host: { host: 'host-1' } }, 409);
  await admin.delete(one, 400);
  await act({ remove_host: { host: 'nowhere' } }, 404);
  await act({ remove_host: { host: 'host-1' } });
  await act({ remove_host: { host: 'host-1' } }, 404);
  await act({ dance: {} }, 400);
  await admin.delete(one, 200);
  await admin.delete(one, 404);
});

test('a zone is of its hosts, and stays theirs while there are guests on them', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await reportHost(cloud.db, { name: 'host-2', ...size, ...hostFacts }, null);
  const make = async (name: string, zone?: string) =>
    (await admin.post(path, { aggregate: { name, availability_zone: zone } }, 200)).aggregate.id;
  const [east, west, plain] = [await make('e', 'east'), await make('w', 'west'), await make('p')];
  const act = (id: number, action: object, status = 200) => admin.post(`${path}/${id}/action`, action, status);
  const host = { host: 'host-1' };
  await member.post('/compute/v2.1/servers', server('east', ground), 400);
  await act(east, { add_host: host });
  await act(west, { add_host: host }, 400);
  await act(plain, { add_host: host });
  await act(plain, { set_metadata: { metadata: { availability_zone: 'west' } } }, 400);
  const zones = (await member.get('/compute/v2.1/os-availability-zone')).availabilityZoneInfo;
  t.deepEqual(zones, [
    { zoneName: 'east', zoneState: { available: true }, hosts: null },
    { zoneName: 'nova', zoneState: { available: true }, hosts: null },
  ]);
  const [detail] = (await admin.get('/compute/v2.1/os-availability-zone/detail')).availabilityZoneInfo;
  t.true(detail.hosts['host-1']['nova-compute'].available);
  t.is((await admin.get('/compute/v2.1/os-services?host=host-1')).services[0].zone, 'east');

  const { id } = (await member.post('/compute/v2.1/servers', server('east', ground), 202)).server;
  t.is((await cloud.db('servers').where({ id }).first()).unplaced_reason, null);
  await act(east, { remove_host: host }, 400);
  await act(east, { set_metadata: { metadata: { availability_zone: 'north' } } }, 400);
  await act(east, { set_metadata: { metadata: { availability_zone: 'east', more: 'x' } } });
  await act(plain, { remove_host: host });
  const now = atVersion(admin, '2.81');
  const cache = { cache: [{ id: ground.imageId }] };
  await now.post(`${path}/${east}/images`, cache, 202);
  const wishes = await cloud.db('host_image_wishes').join('compute_hosts', 'compute_hosts.id', 'host_id').pluck('name');
  t.deepEqual(wishes, ['host-1'], 'of all hosts only that of the aggregate');
  await cloud.settle();
  t.is((await cloud.db('host_images').where({ image_id: ground.imageId })).length, 1);
  await now.post(`${path}/${east}/images`, { cache: [...cache.cache, ...cache.cache] }, 400);
  await now.post(`${path}/${east}/images`, { cache: [{ id: '0f000000-0000-4000-8000-000000000001' }] }, 400);
  await now.post(`${path}/999/images`, cache, 404);
  await atVersion(admin, '2.80').post(`${path}/${east}/images`, cache, 404);
  await atVersion(member, '2.81').post(`${path}/${east}/images`, cache, 403);

  // The fast ones are for the flavors that ask for them.
  await admin.post('/compute/v2.1/flavors/tiny/os-extra_specs', { extra_specs: { ssd: 'true' } }, 200);
  const nowhere = (await member.post('/compute/v2.1/servers', server(undefined, ground), 202)).server.id;
  t.regex((await ground.show(nowhere)).fault?.message ?? '', /AggregateInstanceExtraSpecsFilter refused 2 hosts/);
  await act(plain, { add_host: { host: 'host-2' } });
  await act(plain, { set_metadata: { metadata: { ssd: 'true' } } });
  const placed = (await member.post('/compute/v2.1/servers', server(undefined, ground), 202)).server.id;
  t.is((await admin.get(`/compute/v2.1/servers/${placed}`)).server['OS-EXT-SRV-ATTR:host'], 'host-2');
});

function server(zone: string | undefined, { imageId, flavorId }: { imageId: string; flavorId: string }) {
  return { server: { name: 's', imageRef: imageId, flavorRef: flavorId, availability_zone: zone } };
}
