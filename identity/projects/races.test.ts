import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';

/** Asks all at once; every one of them ends as one of those that were expected. */
test('whatever happens to a branch at the same time, no enabled project is left below a disabled one', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const ask = async (method: string, path: string, body?: object) =>
    (await admin.request({ method, path: `${v3}${path}`, ...(body && { body }) })).status;
  const create = async (project: object) => (await admin.post(`${v3}/projects`, { project })).project.id;

  for (let round = 0; round < 8; round += 1) {
    const top = await create({ name: `top-${round}` });
    const leaf = await create({ name: `leaf-${round}`, parent_id: top, enabled: false });
    const statuses = await Promise.all([
      ask('PATCH', `/projects/${top}`, { project: { enabled: false } }),
      ask('PATCH', `/projects/${leaf}`, { project: { enabled: true } }),
      ask('POST', '/projects', { project: { name: `new-${round}`, parent_id: top } }),
      ask('DELETE', `/projects/${top}`),
      ask('PUT', `/projects/${top}/tags/red`, {}),
    ]);
    for (const status of statuses) t.true([200, 201, 400, 403].includes(status), `${statuses}`);
  }
  const { rows } = await cloud.db.raw(
    'select child.name from projects child join projects p on p.id = child.parent_id where child.enabled and not p.enabled',
  );
  t.deepEqual(rows, []);
});

test('nothing is put into a domain that is being deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const ask = async (method: string, path: string, body?: object) =>
    (await admin.request({ method, path: `${v3}${path}`, ...(body && { body }) })).status;

  for (let round = 0; round < 8; round += 1) {
    const { domain } = await admin.post(`${v3}/domains`, { domain: { name: `d-${round}` } });
    const at = { domain_id: domain.id };
    const { project } = await admin.post(`${v3}/projects`, { project: { name: 'p', ...at, enabled: false } });
    const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g', ...at } });
    await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });
    const member = cloud.as('member').userId;
    const statuses = await Promise.all([
      ask('POST', '/users', { user: { name: 'u', ...at } }),
      ask('POST', '/groups', { group: { name: 'h', ...at } }),
      ask('PUT', `/groups/${group.id}/users/${member}`),
      ask('PATCH', `/projects/${project.id}`, { project: { description: 'd' } }),
      ask('DELETE', `/domains/${domain.id}`),
      ask('PUT', `/domains/${domain.id}/config`, { config: { identity: { driver: 'sql' } } }),
    ]);
    for (const status of statuses) t.true([200, 201, 204, 404].includes(status), `${statuses}`);
    await admin.get(`${v3}/domains/${domain.id}`, 404);
  }
});
