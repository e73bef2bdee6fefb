import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

const v21 = '/compute/v2.1';

test('a project’s limits are those that were set here, then Identity’s, then those of the default class, then Nova’s own', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const path = `${v21}/os-quota-sets/${member.projectId}`;
  const cores = async (client = member, of = path) => (await client.get(of)).quota_set.cores;
  t.is(await cores(), 20);
  await admin.put(`${v21}/os-quota-class-sets/default`, { quota_class_set: { cores: 21 } });
  t.is(await cores(), 21);
  t.is((await member.get(`${path}/defaults`)).quota_set.cores, 21);

  const { services } = await admin.get('/identity/v3/services?type=compute');
  const registered = {
    service_id: services[0].id,
    region_id: 'RegionOne',
    resource_name: 'class:VCPU',
    default_limit: 22,
  };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [registered] });
  t.is(await cores(), 22);
  const own = { ...registered, project_id: member.projectId, resource_limit: 23, default_limit: undefined };
  await admin.post('/identity/v3/limits', { limits: [own] });
  t.is(await cores(), 23);
  t.is(await cores(stranger, `${v21}/os-quota-sets/${stranger.projectId}`), 22);

  t.is((await admin.put(path, { quota_set: { cores: '24' } })).quota_set.cores, 24);
  t.is(await cores(), 24);
  t.is((await member.get(`${v21}/limits`)).limits.absolute.maxTotalCores, 24);
  t.is((await member.get(`${path}/defaults`)).quota_set.cores, 23);
  await admin.delete(path, 202);
  t.is(await cores(), 23);
  await member.put(path, { quota_set: { cores: 1 } }, 403);
  await member.delete(path, 403);
  await stranger.get(path, 403);
  await admin.get(`${v21}/os-quota-sets/nowhere`, 400);
  for (const bad of [{ cores: -2 }, { cores: 'x' }, { cores: 2 ** 31 }, { strange: 1 }, { cores: null }])
    await admin.put(path, { quota_set: bad }, 400);
});

test('disks are limited where Identity’s limits say so, and by nothing else', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const id = await createServer();
  await cloud.settle();
  const { services } = await admin.get('/identity/v3/services?type=compute');
  const limit = {
    service_id: services[0].id,
    region_id: 'RegionOne',
    resource_name: 'class:DISK_GB',
    default_limit: 2,
  };
  await admin.post('/identity/v3/registered_limits', { registered_limits: [limit] });
  const large = { id: 'large', name: 'large', ram: 64, vcpus: 1, disk: 3 };
  await admin.post(`${v21}/flavors`, { flavor: large }, 200);
  const refused = await member.post(`${v21}/servers/${id}/action`, { resize: { flavorRef: 'large' } }, 403);
  t.is(refused.forbidden.message, 'Quota exceeded for disk: Requested 2, but already used 1 of 2 disk');
  await createServer();
  const server = { name: 'one-more', flavorRef: 'tiny', imageRef: imageId };
  await member.post(`${v21}/servers`, { server }, 403);
  t.false('disk' in (await member.get(`${v21}/os-quota-sets/${member.projectId}`)).quota_set);
});

test('limits hold for the project and for a user within it, and are not set below what is in use unless forced', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const path = `${v21}/os-quota-sets/${member.projectId}`;
  const create = (status: number) =>
    member.post(`${v21}/servers`, { server: { name: 's', imageRef: ground.imageId, flavorRef: 'tiny' } }, status);
  await create(202);
  await create(202);
  await admin.put(path, { quota_set: { instances: 1 } }, 400);
  await admin.put(path, { quota_set: { instances: 1, force: 'True' } });
  const full = await create(403);
  t.regex(full.forbidden.message, /Quota exceeded for instances: Requested 1, but already used 2 of 1 instances/);
  await admin.put(path, { quota_set: { instances: -1 } });
  await create(202);
  const detail = (await member.get(`${path}/detail`)).quota_set;
  t.deepEqual(detail.instances, { limit: -1, in_use: 3, reserved: 0 });
  t.deepEqual(detail.ram, { limit: 51_200, in_use: 192, reserved: 0 });

  const user = `${path}?user_id=${member.userId}`;
  await admin.put(user, { quota_set: { cores: 21 } }, 400);
  await admin.put(user, { quota_set: { cores: 2 } }, 400);
  await admin.put(user, { quota_set: { cores: 3 } });
  t.is((await admin.get(user)).quota_set.cores, 3);
  t.is((await admin.get(path)).quota_set.cores, 20);
  await create(403);
  await admin.delete(user, 202);
  await create(202);

  await admin.put(path, { quota_set: { metadata_items: 1, key_pairs: 1 } });
  const id = await ground.createServer({ metadata: { a: '1' } });
  const changedTooSoon = await member.post(`${v21}/servers/${id}/metadata`, { metadata: { b: '2' } }, 409);
  t.regex(
    changedTooSoon.conflictingRequest.message,
    /Cannot 'update metadata' instance .* while it is in vm_state building/,
  );
  await cloud.settle();
  await member.post(`${v21}/servers/${id}/metadata`, { metadata: { b: '2' } }, 403);
  await member.post(`${v21}/os-keypairs`, { keypair: { name: 'a' } }, 200);
  await member.post(`${v21}/os-keypairs`, { keypair: { name: 'b' } }, 403);
  const bytes = { injected_files: 1, injected_file_path_bytes: 5, injected_file_content_bytes: 3 };
  await admin.put(path, { quota_set: bytes });
  const file = { path: '/etc/', contents: Buffer.from('abc').toString('base64') };
  const withFiles = async (status: number, ...personality: object[]) =>
    member.post(
      `${v21}/servers`,
      { server: { name: 's', imageRef: ground.imageId, flavorRef: 'tiny', personality } },
      status,
    );
  await withFiles(202, file);
  await withFiles(403, file, file);
  await withFiles(403, { ...file, path: '/etc/x' });
  await withFiles(403, { ...file, contents: Buffer.from('abcd').toString('base64') });
  await admin.put(path, { quota_set: { injected_files: 6, instances: -1 } });
  await withFiles(202, file, file, file, file, file, file);
});

test('until 2.35 Network’s limits are shown and set through Compute, and later microversions tell less', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const path = `${v21}/os-quota-sets/${member.projectId}`;
  await admin.put(path, { quota_set: { floating_ips: 3, security_groups: 4 } });
  const { quota } = await member.get(`/network/v2.0/quotas/${member.projectId}`);
  t.like(quota, { floatingip: 3, security_group: 4 });
  t.is((await member.get(`${v21}/limits`)).limits.absolute.maxTotalFloatingIps, 3);
  await admin.put(`${path}?user_id=${member.userId}`, { quota_set: { floating_ips: 1 } }, 400);
  await admin.put(`${v21}/os-quota-class-sets/default`, { quota_class_set: { floating_ips: 1 } }, 400);

  const keys = async (version: string, of = path) =>
    Object.keys(Object.values(await atVersion(admin, version).get(of))[0] as object);
  t.true((await keys('2.35')).includes('floating_ips'));
  t.false((await keys('2.36')).includes('floating_ips'));
  t.true((await keys('2.56')).includes('injected_files'));
  t.deepEqual((await keys('2.57')).sort(), [
    'cores',
    'id',
    'instances',
    'key_pairs',
    'metadata_items',
    'ram',
    'server_group_members',
    'server_groups',
  ]);
  const classes = `${v21}/os-quota-class-sets/default`;
  t.false((await keys('2.49', classes)).includes('server_groups'));
  t.true((await keys('2.49', classes)).includes('floating_ips'));
  t.true((await keys('2.50', classes)).includes('server_groups'));
  t.false((await keys('2.50', classes)).includes('floating_ips'));
  await atVersion(admin, '2.36').put(path, { quota_set: { floating_ips: 1 } }, 400);
  await atVersion(admin, '2.57').put(path, { quota_set: { injected_files: 1 } }, 400);
  await atVersion(admin, '2.75').get(`${path}?strange=1`, 400);
  const absolute = async (version: string) => (await atVersion(member, version).get(`${v21}/limits`)).limits.absolute;
  t.true('maxImageMeta' in (await absolute('2.38')));
  t.false('maxImageMeta' in (await absolute('2.39')));
  t.false('totalFloatingIpsUsed' in (await absolute('2.36')));
  t.false('maxPersonality' in (await absolute('2.57')));
  await admin.delete(path, 202);
  t.not((await member.get(`/network/v2.0/quotas/${member.projectId}`)).quota.floatingip, 3);
});
