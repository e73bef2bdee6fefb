import test from 'ava';
import { type Answer, type Client, startTestCloud } from '../../tests/cloud.ts';
import { startTwoHosts } from '../servers/moves/testing.ts';
import { prepareCompute, type TestCloud } from '../testing.ts';

const servers = '/compute/v2.1/servers';

/** All rows of all tables. */
async function everything({ db }: TestCloud): Promise<string> {
  const names: string[] = await db('pg_tables').where({ schemaname: 'public' }).orderBy('tablename').pluck('tablename');
  const texts = names.map(async (name) => {
    const { rows } = await db.raw(
      'select coalesce(string_agg(r::text, chr(10) order by r::text), ?) as text from ?? r',
      ['', name],
    );
    return `${name}\n${rows[0].text}`;
  });
  return (await Promise.all(texts)).join('\n');
}

/** Asks twice, in each way that there is, and makes sure that nothing came of it. */
async function tryOut(cloud: TestCloud, client: Client, method: string, path: string, body?: unknown): Promise<Answer> {
  await client.token(); // which leaves a trace
  const before = await everything(cloud);
  const asked = { method, path, ...(body !== undefined && { body }) };
  const answer = await client.request({ ...asked, headers: { 'x-dry-run': 'true' } });
  const other = await client.request({ ...asked, path: `${path}?dry_run=True` });
  if (other.status !== answer.status) throw new Error(`${answer.status}, then ${other.status}: ${other.text}`);
  if ((await everything(cloud)) !== before) throw new Error(`The dry run of ${method} ${path} left something behind.`);
  return answer;
}

test('a dry run of a creation tells where the servers would be and what would be left of the quota, and makes none', async (t) => {
  const cloud = await startTestCloud(t);
  const { flavorId, imageId } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'n' } }, 201);
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' };
  await member.post('/network/v2.0/subnets', { subnet }, 201);
  await cloud.settle();
  const server = { name: 'web', flavorRef: flavorId, imageRef: imageId, networks: [{ uuid: network.id }] };
  const create = (client: Client, changes: object = {}) =>
    tryOut(cloud, client, 'POST', servers, { server: { ...server, ...changes } });

  const { status, body } = await create(member, { min_count: 2, max_count: 2 });
  t.is(status, 200);
  const told = body.dry_run;
  t.true(told.possible);
  t.is(told.status, 202);
  t.deepEqual(
    told.servers.map(({ name }: { name: string }) => name),
    ['web-1', 'web-2'],
  );
  const [{ flavor, claims, ports }] = told.servers;
  t.is(flavor, 'tiny');
  t.like(claims, [{ vcpus: 1, ram: 64, disk: 1 }]);
  t.regex(claims[0].hostId, /^[0-9a-f]{56}$/);
  t.is(claims[0].host, undefined, 'names of hosts are for administrators');
  t.is(ports[0].net_id, network.id);
  t.regex(ports[0].fixed_ips[0].ip_address, /^10\.9\.0\./);
  t.like(told.quota, { instances: { in_use: 2, limit: 10 }, cores: { in_use: 2 }, ram: { in_use: 128 } });

  const reserved = (await create(member, { return_reservation_id: true })).body.dry_run;
  t.like(reserved, { possible: true, quota: { instances: { in_use: 1 } } });
  t.is(reserved.servers[0].name, 'web');
  const early = (await create(member, { networks: 'none' })).body.dry_run;
  t.like(early, { possible: false, status: 400 }, 'before the microversion that has it');

  const tooMany = await create(member, { min_count: 11, max_count: 11 });
  t.is(tooMany.status, 200);
  t.false(tooMany.body.dry_run.possible);
  t.is(tooMany.body.dry_run.status, 403);
  t.regex(tooMany.body.dry_run.reason, /Quota exceeded for instances/);

  const huge = { id: 'huge', name: 'huge', ram: 64, vcpus: 1, disk: 900_000 };
  await admin.post('/compute/v2.1/flavors', { flavor: huge }, 200);
  const noRoom = await create(member, { flavorRef: 'huge' });
  t.is(noRoom.status, 200);
  t.like(noRoom.body.dry_run, { possible: false, status: 202 });
  t.regex(noRoom.body.dry_run.reason, /^No valid host was found.*DiskFilter refused 1 host/);
  t.is(noRoom.body.dry_run.details, undefined);
  t.deepEqual(noRoom.body.dry_run.servers[0].claims, []);

  t.is((await create(cloud.as('reader'))).status, 403, 'rights come first');
  t.is((await create(member, { name: '' })).status, 400, 'and so does the form');
  t.deepEqual((await member.get(servers)).servers, []);

  const created = await member.post(`${servers}?dry_run=false`, { server }, 202);
  t.truthy(created.server.id, 'who says that it is none gets the real thing');
});

test('a dry run of a resize or a deletion tells what would change, and leaves the server as it is', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const flavor = { id: 'small', name: 'small', ram: 128, vcpus: 2, disk: 2 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'n' } }, 201);
  await member.post(
    '/network/v2.0/subnets',
    { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' } },
    201,
  );
  const { port } = await member.post('/network/v2.0/ports', { port: { network_id: network.id } }, 201);
  const id = await createServer({ networks: [{ port: port.id }, { uuid: network.id }] });
  await cloud.settle();
  const path = `${servers}/${id}`;

  const resize = await tryOut(cloud, admin, 'POST', `${path}/action`, { resize: { flavorRef: 'small' } });
  t.is(resize.status, 200);
  const { server, ...rest } = resize.body.dry_run;
  t.like(rest, { possible: true, status: 202, quota: { cores: { in_use: 2 }, ram: { in_use: 128 } } });
  t.like(server.before, { flavor: 'tiny', claims: [{ host: 'host-1', vcpus: 1, ram: 64, disk: 1 }] });
  t.like(
    server.after,
    { flavor: 'small', claims: [{ host: 'host-1', vcpus: 2, ram: 128, disk: 3 }] },
    'with both disks',
  );
  const same = await tryOut(cloud, member, 'POST', `${path}/action`, { resize: { flavorRef: 'tiny' } });
  t.deepEqual(same.body.dry_run, {
    possible: false,
    status: 400,
    reason: 'When resizing, instances must change flavor!',
  });
  t.is((await tryOut(cloud, member, 'POST', `${path}/action`, { reboot: { type: 'HARD' } })).status, 400);
  t.is((await show(id)).status, 'ACTIVE');

  const deletion = await tryOut(cloud, member, 'DELETE', path);
  t.is(deletion.status, 200);
  const gone = deletion.body.dry_run;
  t.like(gone, { possible: true, status: 204, quota: { instances: { in_use: 0 }, cores: { in_use: 0 } } });
  t.deepEqual(gone.deleted.servers, [id]);
  t.is(gone.deleted.ports.length, 1);
  t.deepEqual(gone.detached.ports, [port.id]);

  for (const persona of ['stranger', 'nobody'] as const) {
    const { status } = await tryOut(cloud, cloud.as(persona), 'DELETE', path);
    t.is(status, persona === 'stranger' ? 404 : 403);
  }
  await member.post(`${path}/action`, { lock: null }, 202);
  await admin.post(`${path}/action`, { lock: null }, 202);
  t.like((await tryOut(cloud, member, 'DELETE', path)).body.dry_run, { possible: false, status: 409 });
});

test('a dry run of a migration tells where to, or why nowhere, and what is held on both hosts', async (t) => {
  const { cloud, settle, createServer, show, hostOf } = await startTwoHosts(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const id = await createServer();
  await settle();
  const path = `${servers}/${id}/action`;
  const live = { 'os-migrateLive': { host: null, block_migration: true, disk_over_commit: false } };

  const nowhere = (await tryOut(cloud, admin, 'POST', path, { migrate: null })).body.dry_run;
  t.like(nowhere, { possible: false, status: 400 });
  t.regex(nowhere.reason, /^No valid host was found/);

  await cloud.db('compute_hosts').update({ is_disabled: false });
  for (const [body, kinds] of [
    [{ migrate: null }, ['host-2 server', 'host-1 move']],
    [live, ['host-1 server', 'host-2 move']],
  ] as const) {
    const told = (await tryOut(cloud, admin, 'POST', path, body)).body.dry_run;
    t.like(told, { possible: true, status: 202, quota: { instances: { in_use: 1 } } });
    const claims = told.server.after.claims.map(
      (claim: { host: string; kind: string }) => `${claim.host} ${claim.kind}`,
    );
    t.deepEqual(claims, kinds);
    t.is(told.server.before.claims.length, 1);
  }
  t.like((await tryOut(cloud, member, 'POST', path, { migrate: null })).body.dry_run, { possible: false, status: 403 });
  t.is(
    (await tryOut(cloud, admin, 'POST', path, { evacuate: { onSharedStorage: false } })).body.dry_run.possible,
    false,
  );
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-1');
});

test('where the site keeps deleted servers, a dry run says for how long', async (t) => {
  const cloud = await startTestCloud(t, { reclaimServerSeconds: 3600 });
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  const { body } = await tryOut(cloud, cloud.as('member'), 'DELETE', `${servers}/${id}`);
  t.like(body.dry_run, { possible: true, restorable_for: 3600, quota: { instances: { in_use: 1 } } });
  t.is(body.dry_run.deleted, undefined);
});

test('a dry run is never the real thing: without one, or by another word, it is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const asked = { method: 'POST', path: '/network/v2.0/networks', body: { network: { name: 'n' } } };
  for (const headers of [{ 'x-dry-run': 'true' }, { 'x-dry-run': 'yes' }, { 'x-dry-run': '' }] as const)
    t.is((await member.request({ ...asked, headers })).status, 400);
  for (const query of ['true', 'TRUE', '1', 'maybe', '', 'true&dry_run=false'])
    t.is((await member.request({ ...asked, path: `${asked.path}?dry_run=${query}` })).status, 400, query);
  t.deepEqual((await member.get('/network/v2.0/networks?name=n')).networks, []);
  t.is((await member.request({ ...asked, headers: { 'x-dry-run': 'False' } })).status, 201);
});
