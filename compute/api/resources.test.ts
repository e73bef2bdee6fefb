import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { generateSshKeypair } from '../keypairs/keypair.ts';

test('flavors are made by administrators and seen by those they are for', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const make = (flavor: object, status = 200) => admin.post('/compute/v2.1/flavors', { flavor }, status);
  const { flavor } = await make({ name: 'm1', ram: '512', vcpus: 1, disk: 0, id: null });
  t.like(flavor, { name: 'm1', ram: 512, swap: '', rxtx_factor: 1, 'os-flavor-access:is_public': true });
  await make({ name: 'm1', ram: 1, vcpus: 1, disk: 0 }, 409);
  await make({ name: 'm2', ram: 1, vcpus: 1, disk: 0, id: flavor.id }, 409);
  for (const bad of [{ ram: 0 }, { vcpus: 0 }, { disk: -1 }, { swap: -1 }, { name: ' x' }, { id: ' x' }, { extra: 1 }])
    await make({ name: 'm2', ram: 1, vcpus: 1, disk: 0, ...bad }, 400);
  await member.post('/compute/v2.1/flavors', { flavor: { name: 'm2', ram: 1, vcpus: 1, disk: 0 } }, 403);

  const { flavor: secret } = await make({ name: 's', ram: 64, vcpus: 1, disk: 0, 'os-flavor-access:is_public': false });
  const path = `/compute/v2.1/flavors/${secret.id}`;
  await member.get(path, 404);
  await admin.post(`${path}/action`, { addTenantAccess: { tenant: member.projectId } }, 200);
  await admin.post(`${path}/action`, { addTenantAccess: { tenant: member.projectId } }, 409);
  await member.get(path);
  await stranger.get(path, 404);
  const listed = async (who: typeof member, query = '') =>
    (await who.get(`/compute/v2.1/flavors/detail${query}`)).flavors.map(({ name }: { name: string }) => name).sort();
  t.deepEqual(await listed(member), ['m1', 's']);
  t.deepEqual(await listed(stranger), ['m1']);
  t.deepEqual(await listed(admin), ['m1']);
  t.deepEqual(await listed(admin, '?is_public=None'), ['m1', 's']);
  t.deepEqual(await listed(member, '?minRam=100'), ['m1']);
  await admin.get(`${path}/os-flavor-access`);
  await admin.post(`${path}/action`, { removeTenantAccess: { tenant: member.projectId } }, 200);
  await member.get(path, 404);
  await member.delete(path, 403);
  await admin.delete(path, 202);
  await admin.delete(path, 404);
  t.deepEqual(await member.get(`/compute/v2.1/flavors/${flavor.id}/os-extra_specs`), { extra_specs: {} });
});

test('keypairs are imported or generated, belong to their user, and are told apart by microversion', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const path = '/compute/v2.1/os-keypairs';
  const { publicKey } = await generateSshKeypair('me');
  const { keypair } = await member.post(path, { keypair: { name: 'my key', public_key: publicKey } }, 200);
  t.is(keypair.public_key, publicKey);
  t.false('private_key' in keypair);
  await member.post(path, { keypair: { name: 'my key', public_key: publicKey } }, 409);
  const generated = await member.request({
    method: 'POST',
    path,
    body: { keypair: { name: 'new' } },
    headers: { 'x-openstack-nova-api-version': '2.2' },
  });
  t.is(generated.status, 201);
  t.regex(generated.body.keypair.private_key, /^-----BEGIN OPENSSH PRIVATE KEY-----/);
  t.is(generated.body.keypair.type, 'ssh');
  t.like((await member.get(`${path}/my%20key`)).keypair, { name: 'my key', deleted: false, user_id: member.userId });
  for (const name of ['a/b', 'ü', '', 'x'.repeat(256), ' x'])
    await member.post(path, { keypair: { name, public_key: publicKey } }, 400);
  await member.post(path, { keypair: { name: 'bad', public_key: 'ssh-rsa nonsense' } }, 400);
  await stranger.get(`${path}/my%20key`, 404);
  t.deepEqual((await stranger.get(path)).keypairs, []);
  t.is((await member.get(path)).keypairs.length, 2);
  await member.get(`${path}/a%2Fb`, 404);
  await member.delete(`${path}/my%20key`, 202);
  await member.delete(`${path}/my%20key`, 404);
});

test('hosts are shown to administrators, zones to everybody, and quotas to whom they concern', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.settle();
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  for (const path of ['os-hypervisors', 'os-hypervisors/detail', 'os-services', 'os-availability-zone/detail']) {
    await member.get(`/compute/v2.1/${path}`, 403);
    await admin.get(`/compute/v2.1/${path}`);
  }
  const { hypervisors } = await admin.get('/compute/v2.1/os-hypervisors');
  t.like(hypervisors[0], { hypervisor_hostname: 'host-1', state: 'up', status: 'enabled' });
  await admin.get(`/compute/v2.1/os-hypervisors/${hypervisors[0].id}`);
  await admin.get('/compute/v2.1/os-hypervisors/x', 404);
  t.is((await admin.get('/compute/v2.1/os-services?binary=nova-compute')).services[0].state, 'up');
  t.deepEqual((await admin.get('/compute/v2.1/os-services?host=other')).services, []);
  t.is((await member.get('/compute/v2.1/os-availability-zone')).availabilityZoneInfo[0].zoneName, 'nova');
  const quotas = await member.get(`/compute/v2.1/os-quota-sets/${member.projectId}`);
  t.like(quotas.quota_set, { instances: 10, cores: 20, ram: 51_200 });
  await member.get(`/compute/v2.1/os-quota-sets/${cloud.as('stranger').projectId}`, 403);
  const detail = await admin.get(`/compute/v2.1/os-quota-sets/${member.projectId}/detail`);
  t.deepEqual(detail.quota_set.instances, { limit: 10, in_use: 0, reserved: 0 });
  await member.get(`/compute/v2.1/limits?tenant_id=${cloud.as('stranger').projectId}`, 403);

  const service = { host: 'host-1', binary: 'nova-compute' };
  await member.put('/compute/v2.1/os-services/disable', service, 403);
  await admin.put('/compute/v2.1/os-services/disable', { ...service, host: 'other' }, 404);
  await admin.put('/compute/v2.1/os-services/disable-log-reason', { ...service, disabled_reason: 'repair' });
  t.like((await admin.get('/compute/v2.1/os-services')).services[0], { status: 'disabled', disabled_reason: 'repair' });
  await admin.put('/compute/v2.1/os-services/enable', service);
  t.like((await admin.get('/compute/v2.1/os-services')).services[0], { status: 'enabled', disabled_reason: null });

  await cloud.db('compute_hosts').update({ heartbeat_at: cloud.db.raw("now() - interval '1 hour'") });
  t.is((await admin.get('/compute/v2.1/os-services')).services[0].state, 'down');
});
