import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';

test('a service is created, shown, listed, changed and deleted', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { service } = await admin.post(`${v3}/services`, {
    service: { type: 'object-lock', name: 'locker', description: 'd', id: 'mine', links: {} },
  });
  t.regex(service.id, /^[0-9a-f]{32}$/);
  t.deepEqual(service, {
    id: service.id,
    type: 'object-lock',
    name: 'locker',
    enabled: true,
    description: 'd',
    links: { self: `http://cloud.test${v3}/services/${service.id}` },
  });
  t.deepEqual(await admin.get(`${v3}/services/${service.id}`), { service });
  t.deepEqual((await admin.get(`${v3}/services?type=object-lock`)).services, [service]);
  t.deepEqual((await admin.get(`${v3}/services?name__startswith=lock`)).services, [service]);
  t.deepEqual((await admin.get(`${v3}/services?type=object-lock&name=other`)).services, []);

  const changed = await admin.patch(`${v3}/services/${service.id}`, { service: { description: 'e', enabled: false } });
  t.deepEqual(changed.service, { ...service, description: 'e', enabled: false });
  await admin.patch(`${v3}/services/${service.id}`, { service: { id: 'another' } }, 400);
  await admin.delete(`${v3}/services/${service.id}`);
  await admin.get(`${v3}/services/${service.id}`, 404);
  await admin.patch(`${v3}/services/${service.id}`, { service: { name: 'x' } }, 404);
  await admin.delete(`${v3}/services/${service.id}`, 404);
});

test('a service goes with its endpoints, and not while limits are registered for it', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'x' } });
  t.is(service.name, '');
  const { endpoint } = await admin.post(`${v3}/endpoints`, {
    endpoint: { service_id: service.id, interface: 'public', url: 'http://x.test' },
  });
  await admin.delete(`${v3}/services/${service.id}`);
  await admin.get(`${v3}/endpoints/${endpoint.id}`, 404);
});

test('services are listed by pages', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const all = (await admin.get(`${v3}/services`)).services;
  const first = await admin.get(`${v3}/services?limit=2`);
  t.deepEqual(first.services, all.slice(0, 2));
  t.is(first.links.next, `http://cloud.test${v3}/services?limit=2&marker=${all[1].id}`);
  const rest = await admin.get(`${v3}/services?marker=${all[1].id}`);
  t.deepEqual(rest.services, all.slice(2));
  await admin.get(`${v3}/services?marker=nothing`, 400);
});

test('what is no service is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (const service of [
    {},
    { type: '' },
    { type: 'x'.repeat(256) },
    { type: 7 },
    { type: 'x', name: '' },
    { type: 'x', name: null },
    { type: 'x', enabled: 'True' },
    { type: 'x', enabled: null },
    { type: 'x', description: 'a\u0000b' },
  ])
    await admin.post(`${v3}/services`, { service }, 400);
  const { services } = await admin.get(`${v3}/services`);
  await admin.patch(`${v3}/services/${services[0].id}`, { service: {} }, 400);
  await admin.get(`${v3}/services/${'0'.repeat(32)}`, 404);
  await admin.get(`${v3}/services/not-an-id`, 404);
  for (const persona of ['member', 'reader', 'nobody'] as const) {
    await cloud.as(persona).get(`${v3}/services`, 403);
    await cloud.as(persona).post(`${v3}/services`, { service: { type: 'x' } }, 403);
  }
  t.deepEqual((await admin.get(`${v3}/services`)).services, services);
});
