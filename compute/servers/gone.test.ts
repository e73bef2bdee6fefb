import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

test('a server that is gone is told of where it is asked what has changed, as long as it is remembered', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const [kept, gone] = [await createServer({ name: 'kept' }), await createServer({ name: 'gone' })];
  await cloud.settle();
  const since = encodeURIComponent(new Date(Date.now() - 60_000).toISOString());
  await member.delete(`/compute/v2.1/servers/${gone}`);
  await cloud.settle();
  const names = async (client: typeof member, query: string) =>
    (await client.get(`/compute/v2.1/servers/detail?${query}`)).servers
      .map(({ name, status }: { name: string; status: string }) => `${name} ${status}`)
      .sort();
  t.deepEqual(await names(member, ''), ['kept ACTIVE']);
  t.deepEqual(await names(member, `changes-since=${since}`), ['gone DELETED', 'kept ACTIVE']);
  t.deepEqual(await names(stranger, `changes-since=${since}`), []);
  t.deepEqual(await names(member, `changes-since=${since}&name=^gone$`), ['gone DELETED']);
  t.deepEqual(await names(member, `changes-since=${encodeURIComponent('2999-01-01T00:00:00Z')}`), []);
  t.deepEqual(await names(member, 'deleted=true'), ['kept ACTIVE'], 'it is for administrators');
  t.deepEqual(await names(admin, 'all_tenants=1&deleted=true'), ['gone DELETED']);
  t.deepEqual(await names(admin, 'all_tenants=1&status=deleted'), ['gone DELETED']);
  t.deepEqual(await names(admin, 'all_tenants=1&deleted=nonsense'), ['kept ACTIVE']);
  await member.get('/compute/v2.1/servers?status=deleted', 403);
  const newest = atVersion(admin, '2.96');
  const { servers } = await newest.get('/compute/v2.1/servers/detail?all_tenants=1&deleted=1');
  t.like(servers[0], {
    id: gone,
    'OS-EXT-STS:vm_state': 'deleted',
    'OS-EXT-STS:task_state': null,
    'OS-EXT-STS:power_state': 0,
    addresses: {},
  });
  t.truthy(servers[0]['OS-SRV-USG:terminated_at']);
  const page = await member.get(`/compute/v2.1/servers?changes-since=${since}&limit=1`);
  const next = await member.get(`/compute/v2.1/servers?changes-since=${since}&limit=1&marker=${page.servers[0].id}`);
  t.deepEqual([page.servers[0].id, next.servers[0].id].sort(), [kept, gone].sort());
  await member.get(`/compute/v2.1/servers/${gone}`, 404);
  await cloud.db('deleted_servers').update({ deleted_at: new Date(Date.now() - 31 * 86_400_000) });
  await cloud.sweep();
  t.deepEqual(await names(member, `changes-since=${since}`), ['kept ACTIVE']);
});
