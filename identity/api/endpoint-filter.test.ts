import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const filter = `${v3}/OS-EP-FILTER`;

async function newEndpoint(admin: Client, type: string, more = {}) {
  const { service } = await admin.post(`${v3}/services`, { service: { type, name: type } });
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id: service.id, interface: 'public', url: `http://${type}.test`, ...more },
  });
  return endpoint;
}

/** The types of the services that somebody sees, with the URLs of their endpoints. */
async function seen(client: Client): Promise<Record<string, string[]>> {
  const { catalog } = await client.get(`${v3}/auth/catalog`);
  return Object.fromEntries(
    catalog.map((service: { type: string; endpoints: { url: string }[] }) => [
      service.type,
      service.endpoints.map(({ url }) => url),
    ]),
  );
}

test('a project that was given endpoints sees those and no others', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const a = await newEndpoint(admin, 'a');
  const b = await newEndpoint(admin, 'b');
  const everything = await seen(member);
  const given = `${filter}/projects/${member.projectId}/endpoints`;
  await admin.get(`${given}/${a.id}`, 404);
  await admin.put(`${given}/${a.id}`, undefined, 204);
  t.deepEqual(await seen(member), { a: ['http://a.test'] });
  t.deepEqual(await seen(cloud.as('stranger')), everything);
  await admin.put(`${given}/${a.id}`, undefined, 409);
  t.is((await admin.request({ method: 'HEAD', path: `${given}/${a.id}` })).status, 204);
  await admin.get(`${given}/${b.id}`, 404);
  t.deepEqual((await admin.get(given)).endpoints, [a]);
  const { projects, links } = await admin.get(`${filter}/endpoints/${a.id}/projects`);
  t.deepEqual(
    projects.map(({ id, name }: { id: string; name: string }) => ({ id, name })),
    [{ id: member.projectId, name: 'p1' }],
  );
  t.is(links.self, `http://cloud.test${filter}/endpoints/${a.id}/projects`);

  await admin.patch(`${v3}/endpoints/${a.id}`, { endpoint: { enabled: false } });
  t.deepEqual(await seen(member), {}, 'a disabled endpoint is in no catalog');
  await admin.delete(`${given}/${a.id}`);
  await admin.delete(`${given}/${a.id}`, 404);
  t.deepEqual(await seen(member), { ...everything, a: [] });

  await admin.put(`${given}/${b.id}`, undefined, 204);
  await admin.delete(`${v3}/endpoints/${b.id}`);
  t.deepEqual((await admin.get(given)).endpoints, [], 'an association goes with its endpoint');
});

test('a group gives a project all endpoints that it matches, now and later', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await admin.post(`${v3}/regions`, { region: { id: 'north' } });
  const a = await newEndpoint(admin, 'a', { region_id: 'north' });
  await newEndpoint(admin, 'b', { region_id: 'north', interface: 'internal' });
  const nowhere = await newEndpoint(admin, 'c');
  const { endpoint_group: group } = await admin.post(`${filter}/endpoint_groups`, {
    endpoint_group: { name: 'g', filters: { region_id: 'north', interface: 'public' } },
  });
  t.deepEqual(group, {
    id: group.id,
    name: 'g',
    description: null,
    filters: { region_id: 'north', interface: 'public' },
    links: { self: `http://cloud.test${filter}/endpoint_groups/${group.id}` },
  });
  t.deepEqual(await admin.get(`${filter}/endpoint_groups/${group.id}`), { endpoint_group: group });
  t.is((await admin.request({ method: 'HEAD', path: `${filter}/endpoint_groups/${group.id}` })).status, 200);
  t.deepEqual((await admin.get(`${filter}/endpoint_groups?name=g`)).endpoint_groups, [group]);
  t.deepEqual((await admin.get(`${filter}/endpoint_groups?name=h`)).endpoint_groups, []);
  t.deepEqual((await admin.get(`${filter}/endpoint_groups/${group.id}/endpoints`)).endpoints, [a]);

  const association = `${filter}/endpoint_groups/${group.id}/projects/${member.projectId}`;
  await admin.get(association, 404);
  await admin.put(association, undefined, 204);
  await admin.put(association, undefined, 409);
  t.deepEqual((await admin.get(association)).project_endpoint_group, {
    endpoint_group_id: group.id,
    project_id: member.projectId,
    links: { self: `http://cloud.test${association}` },
  });
  t.deepEqual((await admin.get(`${filter}/projects/${member.projectId}/endpoint_groups`)).endpoint_groups, [group]);
  t.is((await admin.get(`${filter}/endpoint_groups/${group.id}/projects`)).projects[0].id, member.projectId);
  t.deepEqual((await admin.get(`${filter}/projects/${member.projectId}/endpoints`)).endpoints, [a]);
  t.deepEqual(await seen(member), { a: ['http://a.test'] });
  await newEndpoint(admin, 'd', { region_id: 'north' });
  t.deepEqual(await seen(member), { a: ['http://a.test'], d: ['http://d.test'] });

  const { endpoint_group: changed } = await admin.patch(`${filter}/endpoint_groups/${group.id}`, {
    endpoint_group: { filters: { region_id: null }, description: 'd' },
  });
  t.like(changed, { name: 'g', description: 'd', filters: { region_id: null } });
  t.deepEqual(await seen(member), { c: ['http://c.test'] });
  await admin.patch(`${filter}/endpoint_groups/${group.id}`, {
    endpoint_group: { filters: { service_id: '0'.repeat(32) } },
  });
  t.true('compute' in (await seen(member)), 'a group with nothing in it keeps nothing away');
  await admin.patch(`${filter}/endpoint_groups/${group.id}`, {
    endpoint_group: { filters: { service_id: nowhere.service_id } },
  });
  t.deepEqual(await seen(member), { c: ['http://c.test'] });
  await admin.delete(association);
  await admin.delete(association, 404);
  t.true('compute' in (await seen(member)));
  await admin.put(association, undefined, 204);
  await admin.delete(`${filter}/endpoint_groups/${group.id}`);
  await admin.get(`${filter}/endpoint_groups/${group.id}`, 404);
  t.true('compute' in (await seen(member)), 'an association goes with its group');
});

test('what is not there is not found, and bad groups are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const absent = '0'.repeat(32);
  const { id } = await newEndpoint(admin, 'a');
  const { endpoint_group: group } = await admin.post(`${filter}/endpoint_groups`, {
    endpoint_group: { name: 'g', filters: { interface: 'public' } },
  });
  for (const path of [
    `projects/${absent}/endpoints/${id}`,
    `projects/${member.projectId}/endpoints/${absent}`,
    `endpoint_groups/${absent}/projects/${member.projectId}`,
    `endpoint_groups/${group.id}/projects/${absent}`,
  ]) {
    await admin.put(`${filter}/${path}`, undefined, 404);
    await admin.get(`${filter}/${path}`, 404);
    await admin.delete(`${filter}/${path}`, 404);
    await member.get(`${filter}/${path}`, 403);
    await member.put(`${filter}/${path}`, undefined, 403);
  }
  for (const path of [
    `projects/${absent}/endpoints`,
    `projects/${absent}/endpoint_groups`,
    `endpoints/${absent}/projects`,
    `endpoint_groups/${absent}/projects`,
    `endpoint_groups/${absent}/endpoints`,
  ])
    await admin.get(`${filter}/${path}`, 404);
  for (const endpoint_group of [
    { name: 'g' },
    { filters: { interface: 'public' } },
    { name: '', filters: { interface: 'public' } },
    { name: 'g', filters: {} },
    { name: 'g', filters: { interface: 'private' } },
    { name: 'g', filters: { url: 'http://x.test' } },
    { name: 'g', filters: [] },
    { name: 'g', filters: { interface: 'public' }, more: 1 },
  ])
    await admin.post(`${filter}/endpoint_groups`, { endpoint_group }, 400);
  await admin.patch(`${filter}/endpoint_groups/${group.id}`, { endpoint_group: {} }, 400);
  await admin.patch(`${filter}/endpoint_groups/${group.id}`, { endpoint_group: { id: absent } }, 400);
  await admin.patch(`${filter}/endpoint_groups/${absent}`, { endpoint_group: { name: 'h' } }, 404);
});
