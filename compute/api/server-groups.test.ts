import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion } from '../testing.ts';

const path = '/compute/v2.1/os-server-groups';

test('server groups are made in the form of each microversion, and refused in any other', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const old = (policies: unknown, more: object = {}) => ({ server_group: { name: 'g', policies, ...more } });
  const { server_group: first } = await member.post(path, old(['affinity']), 200);
  t.deepEqual(Object.keys(first).sort(), ['id', 'members', 'metadata', 'name', 'policies']);
  t.like(first, { policies: ['affinity'], metadata: {}, members: [] });
  for (const bad of [[], ['soft-affinity'], ['affinity', 'anti-affinity'], ['none'], 'affinity', null])
    await member.post(path, old(bad), 400);
  await member.post(path, old(['affinity'], { extra: 1 }), 400);
  await member.post(path, { server_group: { name: ' g', policies: ['affinity'] } }, 400);
  await atVersion(member, '2.14').post(path, old(['soft-affinity']), 400);
  const { server_group: soft } = await atVersion(member, '2.15').post(path, old(['soft-affinity']));
  t.like(soft, { project_id: member.projectId, user_id: member.userId });

  const now = atVersion(member, '2.64');
  await now.post(path, old(['affinity']), 400);
  await atVersion(member, '2.63').post(path, { server_group: { name: 'g', policy: 'affinity' } }, 400);
  const rules = { max_server_per_host: '3' };
  const { server_group: apart } = await now.post(path, { server_group: { name: 'g', policy: 'anti-affinity', rules } });
  t.deepEqual(Object.keys(apart).sort(), ['id', 'members', 'name', 'policy', 'project_id', 'rules', 'user_id']);
  t.like(apart, { policy: 'anti-affinity', rules: { max_server_per_host: 3 } });
  t.deepEqual((await now.get(`${path}/${first.id}`)).server_group.rules, {});
  await now.post(path, { server_group: { name: 'g', policy: 'affinity', rules } }, 400);
  for (const bad of [0, -1, 'x', 2 ** 31, null])
    await now.post(
      path,
      { server_group: { name: 'g', policy: 'anti-affinity', rules: { max_server_per_host: bad } } },
      400,
    );

  const ids = async (query: string, version = '2.1') =>
    (await atVersion(member, version).get(`${path}${query}`)).server_groups.map(({ id }: { id: string }) => id);
  t.deepEqual(await ids(''), [first.id, soft.id, apart.id]);
  t.deepEqual(await ids('?limit=1&offset=1'), [soft.id]);
  t.is((await ids('?strange=1', '2.74')).length, 3);
  await t.throwsAsync(ids('?strange=1', '2.75'));
  await member.get(`${path}?offset=x`, 400);
});

test('server groups are their project’s, and as many as its quota lets them be', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, reader, stranger] = [
    cloud.as('admin'),
    cloud.as('member'),
    cloud.as('reader'),
    cloud.as('stranger'),
  ];
  const form = { server_group: { name: 'g', policies: ['affinity'] } };
  await reader.post(path, form, 403);
  const { server_group: group } = await member.post(path, form, 200);
  await reader.get(`${path}/${group.id}`);
  await stranger.get(`${path}/${group.id}`, 404);
  await stranger.delete(`${path}/${group.id}`, 404);
  t.deepEqual((await stranger.get(`${path}?all_projects=True`)).server_groups, []);
  t.deepEqual((await admin.get(path)).server_groups, []);
  t.is((await admin.get(`${path}?all_projects=True`)).server_groups.length, 1);
  await admin.get(`${path}/${group.id}`);
  await member.get(`${path}/not-an-id`, 404);

  await admin.put(`/compute/v2.1/os-quota-sets/${member.projectId}`, { quota_set: { server_groups: 3 } });
  const made = await Promise.all(Array.from({ length: 6 }, () => member.request({ method: 'POST', path, body: form })));
  t.deepEqual(made.map(({ status }) => status).sort(), [200, 200, 403, 403, 403, 403]);
  const { limits } = await member.get('/compute/v2.1/limits');
  t.like(limits.absolute, { maxServerGroups: 3, totalServerGroupsUsed: 3 });
  await reader.delete(`${path}/${group.id}`, 403);
  await member.delete(`${path}/${group.id}`);
  await member.delete(`${path}/${group.id}`, 404);
});
