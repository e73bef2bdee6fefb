import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion } from '../testing.ts';

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

test('flavors are described from 2.55 on, and tell more with every microversion', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const path = '/compute/v2.1/flavors';
  const size = { name: 'm1', id: 'm1', ram: 64, vcpus: 1, disk: 1, swap: 16, 'OS-FLV-EXT-DATA:ephemeral': 2 };
  await atVersion(admin, '2.54').post(path, { flavor: { ...size, description: 'x' } }, 400);
  const { flavor } = await atVersion(admin, '2.55').post(path, { flavor: { ...size, description: 'small' } });
  t.like(flavor, { description: 'small', swap: 16, 'OS-FLV-EXT-DATA:ephemeral': 2 });
  t.false('extra_specs' in flavor);
  await atVersion(admin, '2.54').put(`${path}/m1`, { flavor: { description: 'x' } }, 404);
  await atVersion(member, '2.55').put(`${path}/m1`, { flavor: { description: 'x' } }, 403);
  await atVersion(admin, '2.55').put(`${path}/m1`, { flavor: { description: 'x', name: 'y' } }, 400);
  await atVersion(admin, '2.55').put(`${path}/none`, { flavor: { description: 'x' } }, 404);
  t.is((await atVersion(admin, '2.55').put(`${path}/m1`, { flavor: { description: null } })).flavor.description, null);
  await admin.post(`${path}/m1/os-extra_specs`, { extra_specs: { color: 'blue' } }, 200);
  t.deepEqual((await atVersion(member, '2.61').get(`${path}/m1`)).flavor.extra_specs, { color: 'blue' });
  t.false('description' in (await atVersion(member, '2.54').get(path)).flavors[0]);
  t.true('description' in (await atVersion(member, '2.55').get(path)).flavors[0]);
  await admin.post(path, { flavor: { name: 'm2', id: 'm2', ram: 32, vcpus: 2, disk: 0 } }, 200);
  t.is((await atVersion(member, '2.74').get(`${path}/m2`)).flavor.swap, '');
  t.is((await atVersion(member, '2.75').get(`${path}/m2`)).flavor.swap, 0);
  const sorted = async (query: string) =>
    (await member.get(`${path}?${query}`)).flavors.map(({ id }: { id: string }) => id);
  t.deepEqual(await sorted('sort_key=memory_mb'), ['m2', 'm1']);
  t.deepEqual(await sorted('sort_key=swap&sort_dir=desc&limit=1'), ['m1']);
  await member.get(`${path}?sort_key=secret`, 400);

  const action = { addTenantAccess: { tenant: member.projectId } };
  await atVersion(admin, '2.7').post(`${path}/m1/action`, action, 409);
  await atVersion(admin, '2.6').post(`${path}/m1/action`, action);
  await admin.post(`${path}/m1/action`, { addTenantAccess: { tenant: 'nowhere' } }, 400);
});

test('extra specs are set, read and taken away, and checked from 2.86 on', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await admin.post('/compute/v2.1/flavors', { flavor: { name: 'm1', id: 'm1', ram: 64, vcpus: 1, disk: 1 } }, 200);
  const path = '/compute/v2.1/flavors/m1/os-extra_specs';
  const specs = { 'hw:cpu_policy': 'shared', size: 3 };
  t.deepEqual(await admin.post(path, { extra_specs: specs }, 200), { extra_specs: specs });
  t.deepEqual(await member.get(path), { extra_specs: { 'hw:cpu_policy': 'shared', size: '3' } });
  t.deepEqual(await member.get(`${path}/hw%3Acpu_policy`), { 'hw:cpu_policy': 'shared' });
  await member.get(`${path}/absent`, 404);
  t.deepEqual(await admin.put(`${path}/size`, { size: 'xl' }), { size: 'xl' });
  await admin.put(`${path}/size`, { other: 'xl' }, 400);
  await admin.put(`${path}/size`, { size: 'xl', other: 'xl' }, 400);
  await admin.put('/compute/v2.1/flavors/none/os-extra_specs/size', { size: 'xl' }, 404);
  for (const bad of [{ 'a/b': 'x' }, { '': 'x' }, { a: 'x'.repeat(256) }, { a: null }, { a: ['x'] }, { a: 'x\ny' }])
    await admin.post(path, { extra_specs: bad }, 400);
  await member.post(path, { extra_specs: { a: 'b' } }, 403);
  const strict = atVersion(admin, '2.86');
  for (const bad of [
    { 'hw:cpu_policy': 'sharrred' },
    { 'hw:cpu_polic': 'shared' },
    { 'hw:numa_nodes': 'foo' },
    { 'quota:cpu_shares': '-1' },
  ])
    await strict.post(path, { extra_specs: bad }, 400);
  for (const good of [
    { 'hw:numa_nodes': '1' },
    { unknown: 'x' },
    { 'mine:own': 'x' },
    { 'trait:HW_CPU_X86_VMX': 'required' },
  ])
    await strict.post(path, { extra_specs: good });
  await atVersion(admin, '2.85').post(path, { extra_specs: { 'hw:cpu_policy': 'sharrred' } });
  await admin.delete(`${path}/size`, 200);
  await admin.delete(`${path}/size`, 404);
});
