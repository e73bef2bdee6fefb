import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

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
