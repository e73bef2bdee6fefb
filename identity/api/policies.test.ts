import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';
const absent = '0'.repeat(32);

const newPolicy = async (admin: Client, type: string) =>
  (await admin.post(`${v3}/policies`, { policy: { type, blob: `{"${type}": "@"}` } })).policy;

test('a policy is stored, shown, listed, changed and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { policy } = await admin.post(`${v3}/policies`, { policy: { type: 'json', blob: '{}', note: 'n' } });
  const links = { self: `http://cloud.test${v3}/policies/${policy.id}` };
  t.deepEqual(policy, { id: policy.id, type: 'json', blob: '{}', note: 'n', links });
  t.deepEqual(await admin.get(`${v3}/policies/${policy.id}`), { policy });
  const other = await newPolicy(admin, 'text');
  t.deepEqual((await admin.get(`${v3}/policies`)).policies, [policy, other]);
  t.deepEqual((await admin.get(`${v3}/policies?type=text`)).policies, [other]);
  const { policy: changed } = await admin.patch(`${v3}/policies/${policy.id}`, { policy: { blob: '', size: 0 } });
  t.deepEqual(changed, { ...policy, blob: '', size: 0 });
  for (const bad of [
    { type: 'x' },
    { blob: 'x' },
    { type: 'x', blob: {} },
    { type: 7, blob: '' },
    { type: 'x', blob: '\0' },
  ])
    await admin.post(`${v3}/policies`, { policy: bad }, 400);
  await admin.post(`${v3}/policies`, { policy: { type: 'x'.repeat(256), blob: '' } }, 400);
  await admin.patch(`${v3}/policies/${policy.id}`, { policy: {} }, 400);
  await admin.patch(`${v3}/policies/${policy.id}`, { policy: { id: absent } }, 400);
  await admin.patch(`${v3}/policies/${absent}`, { policy: { blob: '' } }, 404);
  for (const persona of ['member', 'nobody'] as const) {
    await cloud.as(persona).get(`${v3}/policies`, 403);
    await cloud.as(persona).get(`${v3}/policies/${policy.id}`, 403);
  }
  await admin.delete(`${v3}/policies/${policy.id}`);
  await admin.get(`${v3}/policies/${policy.id}`, 404);
  await admin.delete(`${v3}/policies/${policy.id}`, 404);
});

test('the policy of an endpoint is its own, else its region’s, else its service’s', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  for (const region of [
    { id: 'north' },
    { id: 'n1', parent_region_id: 'north' },
    { id: 'n11', parent_region_id: 'n1' },
  ])
    await admin.post(`${v3}/regions`, { region });
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'x' } });
  const newEndpoint = async (region_id?: string) =>
    (
      await admin.post(`${v3}/endpoints`, {
        endpoint: { service_id: service.id, interface: 'public', url: 'http://x.test', region_id },
      })
    ).endpoint;
  const [deep, bare] = [await newEndpoint('n11'), await newEndpoint()];
  const [everywhere, north, near, own] = await Promise.all(
    ['everywhere', 'north', 'near', 'own'].map((type) => newPolicy(admin, type)),
  );
  const policyOf = async ({ id }: { id: string }, status = 200) =>
    (await admin.get(`${v3}/endpoints/${id}/OS-ENDPOINT-POLICY/policy`, status)).policy?.type;
  const associations = (policy: { id: string }) => `${v3}/policies/${policy.id}/OS-ENDPOINT-POLICY`;
  const endpointsOf = async (policy: { id: string }) =>
    (await admin.get(`${associations(policy)}/endpoints`)).endpoints.map(({ id }: { id: string }) => id).toSorted();

  await policyOf(deep, 404);
  await admin.put(`${associations(everywhere)}/services/${service.id}`, undefined, 204);
  t.is(await policyOf(deep), 'everywhere');
  t.is(await policyOf(bare), 'everywhere');
  t.deepEqual(await endpointsOf(everywhere), [deep.id, bare.id].toSorted());
  await admin.put(`${associations(north)}/services/${service.id}/regions/north`, undefined, 204);
  t.is(await policyOf(deep), 'north');
  t.is(await policyOf(bare), 'everywhere');
  t.deepEqual(await endpointsOf(north), [deep.id]);
  await admin.put(`${associations(near)}/services/${service.id}/regions/n1`, undefined, 204);
  t.is(await policyOf(deep), 'near', 'the nearest region above counts');
  await admin.put(`${associations(own)}/endpoints/${deep.id}`, undefined, 204);
  t.is(await policyOf(deep), 'own');

  await admin.get(`${associations(own)}/endpoints/${deep.id}`, 204);
  await admin.put(`${associations(north)}/endpoints/${deep.id}`, undefined, 204);
  await admin.get(`${associations(own)}/endpoints/${deep.id}`, 404);
  t.deepEqual(await endpointsOf(north), [deep.id], 'each once');
  t.is(
    (await admin.request({ method: 'HEAD', path: `${associations(near)}/services/${service.id}/regions/n1` })).status,
    204,
  );
  await admin.get(`${associations(near)}/services/${service.id}/regions/north`, 404);
  await admin.delete(`${associations(north)}/endpoints/${deep.id}`);
  await admin.delete(`${associations(north)}/endpoints/${deep.id}`);
  t.is(await policyOf(deep), 'near');
  await admin.delete(`${v3}/policies/${near.id}`);
  t.is(await policyOf(deep), 'north', 'an association goes with its policy');

  for (const path of [
    `${associations({ id: absent })}/services/${service.id}`,
    `${associations(own)}/endpoints/${absent}`,
    `${associations(own)}/services/${absent}`,
    `${associations(own)}/services/${service.id}/regions/nowhere`,
  ]) {
    await admin.put(path, undefined, 404);
    await admin.get(path, 404);
    await admin.delete(path, 404);
  }
  await admin.get(`${associations({ id: absent })}/endpoints`, 404);
});
