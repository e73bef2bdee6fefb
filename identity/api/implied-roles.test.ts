import test from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';
const url = 'http://cloud.test/identity/v3/roles';

async function makeRole(admin: Client, name: string, more: object = {}) {
  return (await admin.post(`${v3}/roles`, { role: { name, ...more } })).role;
}
const short = ({ id, name }: { id: string; name: string }) => ({ id, name, links: { self: `${url}/${id}` } });

test('a role implies another, and is shown to', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const [prior, implied, third] = [await makeRole(admin, 'a'), await makeRole(admin, 'b'), await makeRole(admin, 'c')];
  const path = `${v3}/roles/${prior.id}/implies/${implied.id}`;
  await admin.get(path, 404);
  const made = await admin.put(path, undefined, 201);
  t.deepEqual(made, {
    role_inference: { prior_role: short(prior), implies: short(implied) },
    links: { self: `${url}/${prior.id}/implies/${implied.id}` },
  });
  t.deepEqual(await admin.get(path), made);
  const head = await admin.request({ method: 'HEAD', path });
  t.is(head.status, 204);
  t.is((await admin.request({ method: 'HEAD', path: `${v3}/roles/${implied.id}/implies/${prior.id}` })).status, 404);
  await admin.put(path, undefined, 409);
  await admin.put(`${v3}/roles/${implied.id}/implies/${third.id}`, undefined, 201);
  t.deepEqual((await admin.get(`${v3}/roles/${prior.id}/implies`)).role_inference, {
    prior_role: short(prior),
    implies: [short(implied)],
  });
  t.deepEqual((await admin.get(`${v3}/roles/${third.id}/implies`)).role_inference.implies, []);
  const { role_inferences } = await admin.get(`${v3}/role_inferences`);
  t.deepEqual(role_inferences[0], { prior_role: short(prior), implies: [short(implied)] });
  t.deepEqual(
    role_inferences.map((one: { prior_role: { name: string } }) => one.prior_role.name),
    ['a', 'admin', 'b', 'manager', 'member'],
  );
  await admin.delete(path);
  await admin.delete(path, 404);
  await admin.get(path, 404);
});

test('nothing implies admin, itself, what implies it, or, being everybody’s, a role of a domain', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const [a, b, c] = [await makeRole(admin, 'a'), await makeRole(admin, 'b'), await makeRole(admin, 'c')];
  const own = await makeRole(admin, 'own', { domain_id: 'default' });
  const { roles } = await admin.get(`${v3}/roles?name=admin`);
  const imply = (prior: { id: string }, implied: { id: string }, status: number) =>
    admin.put(`${v3}/roles/${prior.id}/implies/${implied.id}`, undefined, status);
  await imply(a, roles[0], 403);
  await imply(a, a, 403);
  await imply(a, b, 201);
  await imply(b, c, 201);
  await imply(c, a, 403);
  await imply(a, c, 201);
  await imply(a, own, 403);
  await imply(own, a, 201);
  await imply(own, await makeRole(admin, 'theirs', { domain_id: 'default' }), 201);
  await imply(a, { id: 'f'.repeat(32) }, 404);
  await imply({ id: 'f'.repeat(32) }, a, 404);
  await admin.get(`${v3}/roles/${'f'.repeat(32)}/implies`, 404);
  // The back door: what is implied already gets that name, in whatever case policy takes for the same.
  await admin.patch(`${v3}/roles/${c.id}`, { role: { name: 'Admin' } }, 403);
  t.is((await admin.get(`${v3}/roles/${c.id}`)).role.name, 'c');
});

test('two implications at once never close a circle', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (let round = 0; round < 5; round += 1) {
    const [a, b] = [await makeRole(admin, `a${round}`), await makeRole(admin, `b${round}`)];
    const statuses = await Promise.all(
      [[a, b] as const, [b, a] as const].map(
        async ([prior, implied]) =>
          (await admin.request({ method: 'PUT', path: `${v3}/roles/${prior.id}/implies/${implied.id}` })).status,
      ),
    );
    t.deepEqual(statuses.toSorted(), [201, 403]);
  }
});

test('what a role implies no longer is gone from tokens, and what it implies is in the next', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const extra = await makeRole(admin, 'extra');
  const { roles } = await admin.get(`${v3}/roles?name=member`);
  const path = `${v3}/roles/${roles[0].id}/implies/${extra.id}`;
  await member.get(`${v3}/auth/projects`);
  await admin.put(path, undefined, 201);
  await member.get(`${v3}/auth/projects`); // more is no reason to end a token
  const later = await somebody(t, cloud, { role: 'member', on: { project: member.projectId } });
  const shown = await cloud.anonymous.request({
    method: 'GET',
    path: `${v3}/auth/tokens`,
    headers: { 'x-auth-token': later.token, 'x-subject-token': later.token },
  });
  t.deepEqual(
    shown.body.token.roles.map((role: { name: string }) => role.name),
    ['extra', 'member', 'reader'],
  );
  await admin.delete(path);
  await later.get('/auth/projects', 401);
  await member.get(`${v3}/auth/projects`, 401);
});

test('only administrators change what implies what', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [a, b] = [await makeRole(admin, 'a'), await makeRole(admin, 'b')];
  const path = `/roles/${a.id}/implies/${b.id}`;
  await admin.put(`${v3}${path}`, undefined, 201);
  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  await auditor.get(path);
  await auditor.get('/role_inferences');
  await auditor.put(`/roles/${b.id}/implies/${a.id}`, undefined, 403);
  await auditor.delete(path, 403);
  const manager = await somebody(t, cloud, { role: 'manager', on: { domain: 'default' } });
  for (const persona of [manager, await somebody(t, cloud, { role: 'manager', on: { project: admin.projectId } })]) {
    await persona.get(path, 403);
    await persona.get('/role_inferences', 403);
    await persona.put(path, undefined, 403);
    await persona.delete(path, 403);
  }
});
