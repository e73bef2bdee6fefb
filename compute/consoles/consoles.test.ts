import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud } from '../../cloud.ts';
import { simulatedDrivers } from '../../drivers.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { until } from '../drivers/contract/host-under-test.ts';
import { SimulatedHost } from '../drivers/simulated/host.ts';
import { atVersion, prepareCompute } from '../testing.ts';
import { openConsole, upgradeStatus } from './testing.ts';

/** A cloud that listens, with a server that runs. */
async function prepare(t: ExecutionContext, settings: Record<string, string | number> = {}) {
  const cloud = await startTestCloud(t, { listenPort: 0, ...settings });
  await cloud.server.start();
  const ground = await prepareCompute(t, cloud);
  const id = await ground.createServer();
  await cloud.settle();
  const member = atVersion(cloud.as('member'), '2.8');
  const remoteConsoles = `/compute/v2.1/servers/${id}/remote-consoles`;
  /** The address of the WebSocket, on the port that this cloud has. */
  const ask = async (type: 'novnc' | 'serial', client = member): Promise<string> => {
    const protocol = type === 'novnc' ? 'vnc' : 'serial';
    const { remote_console: given } = await client.post(remoteConsoles, { remote_console: { protocol, type } });
    const token = /token(?:=|%3D)([\w-]+)$/.exec(given.url)?.[1];
    return `ws://127.0.0.1:${cloud.server.info.port}/console?token=${token}`;
  };
  const act = async (action: object) => {
    await cloud.as('member').post(`/compute/v2.1/servers/${id}/action`, action, 202);
    await cloud.settle();
  };
  const refused = (url: string, headers = {}) => upgradeStatus(url.replace(/^ws/, 'http'), headers);
  return { cloud, ground, id, member, remoteConsoles, ask, act, refused };
}

test('a console shows the screen and the serial port, both ways, and ends with the server', async (t) => {
  const { cloud, ground, id, ask, act } = await prepare(t);
  const screen = await openConsole(t, await ask('novnc'));
  t.is(screen.socket.protocol, 'binary');
  await screen.says('RFB 003.008\n');
  screen.socket.send('RFB 003.008\n'); // text or not, bytes are bytes
  await screen.says(Buffer.from([1, 1]));

  const serial = await openConsole(t, await ask('serial'));
  serial.socket.send(Buffer.from('ls\r'));
  await serial.says('ls\r');
  const guest = ground.host.servers.get(id);
  if (guest) guest.output += '\0\xff<img onerror=x>\n';
  ground.host.changed(id);
  await serial.says('<img onerror=x>');

  await act({ 'os-stop': null });
  await Promise.all([screen.ended, serial.ended]);
  await until(t, 'nothing is left of them', async () => (await cloud.db('console_tokens')).length === 0);
});

test('an address opens a console once, for who gets there in time, from a page that may', async (t) => {
  const { cloud, ask, refused } = await prepare(t);
  const { port } = cloud.server.info;
  const url = await ask('serial');
  for (const origin of [
    'http://evil.test',
    'null',
    `http://127.0.0.1:1`,
    `ftp://127.0.0.1:${port}`,
    'http://127.0.0.1:',
  ])
    t.is(await refused(url, { origin }), 403, origin);
  t.is(await refused(url, { 'sec-websocket-key': 'none' }), 400, 'it is no WebSocket');
  const second = await ask('serial');
  await openConsole(t, second, { origin: `http://127.0.0.1:${port}` });
  t.is(await refused(second), 403, 'replayed');
  const byCookie = await ask('serial');
  const [address, token] = byCookie.split('?');
  const cookie = `a=b; ${token}`;
  t.is(await refused(`${address}`, { cookie }), 403, 'a browser says where it comes from');
  const origin = `http://127.0.0.1:${port}`;
  t.is(await refused(`${address}`, { cookie, origin }), 101, 'as noVNC before 1.1 hands it over');
  t.is(await refused(await ask('serial'), { origin: 'http://cloud.test' }), 101, 'the public URL');

  const late = await ask('serial');
  await cloud.db('console_tokens').whereNull('taken_at').update({ expires_at: cloud.db.fn.now() });
  t.is(await refused(late), 403);
  for (const wrong of ['', 'x', '%00', randomBytes(32).toString('base64url'), 'a'.repeat(20_000)])
    t.is(await refused(`${address}?token=${wrong}`), 403, wrong);
  t.is((await fetch(`http://127.0.0.1:${port}/console?token=x`)).status, 400, 'it is no WebSocket');
  const upgraded = await fetch(`http://127.0.0.1:${port}/compute/`, { headers: { connection: 'keep-alive' } });
  t.is(upgraded.status, 200);
  t.is(await refused(`http://127.0.0.1:${port}/compute/`), 200, 'nothing else becomes a WebSocket');
});

test('an address is worth nothing once its server was stopped, moved or deleted, or its user lost the right', async (t) => {
  const { cloud, id, ask, act, refused } = await prepare(t);
  const stopped = await ask('serial');
  await act({ 'os-stop': null });
  await act({ 'os-start': null });
  t.is(await refused(stopped), 403);

  const open = await openConsole(t, await ask('serial'));
  const unused = await ask('serial');
  const member = cloud.as('member');
  const grant = `/identity/v3/projects/${member.projectId}/users/${member.userId}/roles`;
  const { roles } = await cloud.as('admin').get(grant);
  for (const role of roles) await cloud.as('admin').delete(`${grant}/${role.id}`);
  t.is(await open.ended, 1008, 'an open one ends');
  t.is(await refused(unused), 403);

  const admin = atVersion(cloud.as('admin'), '2.8');
  const moved = await ask('serial', admin);
  const elsewhere = await cloud
    .db('compute_hosts')
    .insert({ ...(await hostRow(cloud)), name: 'elsewhere' })
    .returning('id');
  const [{ host_id: home }] = await cloud.db('servers').where({ id }).select('host_id');
  await cloud.db('servers').where({ id }).update({ host_id: elsewhere[0].id });
  await cloud.db('servers').where({ id }).update({ host_id: home });
  t.is(await refused(moved), 403);

  const last = await ask('serial', admin);
  await admin.delete(`/compute/v2.1/servers/${id}`);
  t.is(await refused(last), 403);
});

test('an address opens the console of the server that it was given for, whatever else it says', async (t) => {
  const { cloud, ground, id, ask, member, refused } = await prepare(t);
  const other = await ground.createServer();
  await cloud.settle();
  const says = (server: string, words: string) => {
    const guest = ground.host.servers.get(server);
    if (guest) guest.output += words;
    ground.host.changed(server);
  };
  const headers = { 'x-instance-id': other, 'x-server-id': other };
  const mine = await openConsole(t, `${await ask('serial')}&server=${other}&instance_uuid=${other}`, { headers });
  says(other, 'of the other\n');
  says(id, 'of this one\n');
  await mine.says('of this one\n');
  t.false(mine.received().includes('of the other'));
  const elsewhere = (await ask('serial')).replace('/console?', `/console/${other}?`);
  t.not(await refused(elsewhere), 101, 'there is one path for all');

  const unused = await ask('serial');
  const token = unused.split('token=')[1];
  const admin = atVersion(cloud.as('admin'), '2.31');
  const { console: shown } = await admin.get(`/compute/v2.1/os-console-auth-tokens/${token}`);
  t.is(shown.instance_uuid, id);
  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  t.is(await refused(unused), 403, 'it does not become that of another server');
});

async function hostRow({ db }: Awaited<ReturnType<typeof startTestCloud>>) {
  const { id: _, number: __, ...row } = await db('compute_hosts').first();
  return row;
}

test('so many consoles of a server, and of a user, are open at a time; of a serial port it is the latest', async (t) => {
  const { cloud, ask, refused } = await prepare(t, { consolesPerServer: 2, consolesPerUser: 3 });
  const first = await openConsole(t, await ask('novnc'));
  const second = await openConsole(t, await ask('serial'));
  t.is(await refused(await ask('novnc')), 429);
  const third = await openConsole(t, await ask('serial'));
  t.is(await second.ended, 1008, 'who comes later takes the serial port over');
  third.socket.send('mine');
  await third.says('mine');
  first.socket.close();
  await first.ended;
  await until(
    t,
    'its place is free',
    async () => (await cloud.db('console_tokens').whereNotNull('taken_at')).length === 1,
  );
  await openConsole(t, await ask('novnc'));
});

test('who says too much at once is cut off, and no log tells a token', async (t) => {
  const { cloud, ask, member } = await prepare(t);
  const url = await ask('serial');
  const token = url.split('token=')[1] ?? '';
  const admin = atVersion(cloud.as('admin'), '2.31');
  const { console: about } = await admin.get(`/compute/v2.1/os-console-auth-tokens/${token}`);
  t.is(about.host, 'host-1');
  await atVersion(cloud.as('admin'), '2.30').get(`/compute/v2.1/os-console-auth-tokens/${token}`, 401);
  await admin.get(`/compute/v2.1/os-console-auth-tokens/x${token.slice(1)}`, 404);
  await member.get(`/compute/v2.1/os-console-auth-tokens/${token}`, 403);

  const serial = await openConsole(t, url);
  serial.socket.send(Buffer.alloc(1024 * 1024 + 1));
  t.is(await serial.ended, 1009);
  await until(t, 'its end is told', () => cloud.logLines.some((line) => line.includes('console closed')));
  await admin.get(`/compute/v2.1/os-console-auth-tokens/${token}`, 404);
  t.deepEqual(
    cloud.logLines.filter((line) => line.includes(token)),
    [],
  );
});

test('a process on another host shows the console through the agent of the server’s host', async (t) => {
  const { cloud, ground, ask, act, refused } = await prepare(t);
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => cloud.logLines.push(line) });
  const config = { ...cloud.config, hostName: 'host-2', roles: new Set(['api'] as const) };
  const other = await buildCloud(config, log, simulatedDrivers(new SimulatedHost()));
  await other.start();
  t.teardown(() => other.stop());
  const through = async (url: string) => {
    const opening = openConsole(t, url.replace(/:\d+/, `:${other.server.info.port}`));
    let isOpen = false;
    void opening.finally(() => (isOpen = true)).catch(() => {});
    await until(t, 'the agent has called back', async () => {
      await cloud.settle();
      return isOpen;
    });
    return opening;
  };
  const screen = await through(await ask('novnc'));
  await screen.says('RFB 003.008\n');
  const serial = await through(await ask('serial'));
  serial.socket.send('ls\r');
  await serial.says('ls\r');

  const { port } = other.server.info;
  const arrivals = `http://127.0.0.1:${port}/console/hosts`;
  t.is(await upgradeStatus(arrivals), 403);
  t.is(await upgradeStatus(arrivals, { authorization: `Bearer ${randomBytes(32).toString('base64url')}` }), 403);
  t.is((await fetch(arrivals)).status, 404);

  const asking = refused((await ask('novnc')).replace(/:\d+/, `:${port}`));
  await until(t, 'the agent is called', async () => (await cloud.db('host_calls')).length > 0);
  const { ticket } = (await cloud.db('host_calls').first()).arguments;
  const came = await openConsole(t, arrivals.replace(/^http/, 'ws'), {
    headers: { authorization: `Bearer ${ticket}` },
  });
  await cloud.db('host_calls').update({ error: 'It cannot be.', answered_at: cloud.db.fn.now() });
  t.is(await asking, 409);
  await came.ended; // nobody waits for it any more

  ground.host.failNext({ call: 'openConsole', kind: 'transient', message: 'It is away.' });
  await t.throwsAsync(through(await ask('serial')), { message: /409/ });
  await act({ 'os-stop': null });
  await screen.ended;
  t.deepEqual(
    cloud.logLines.filter((line) => line.includes('"level":50')),
    [],
  );
});

test('a host that does not answer, and a guest without the console, are told from a wrong token', async (t) => {
  const { ground, ask, refused } = await prepare(t);
  ground.host.isAway = true;
  t.is(await refused(await ask('novnc')), 503);
  ground.host.isAway = false;
  ground.host.failNext({ call: 'openConsole', kind: 'permanent' });
  t.is(await refused(await ask('novnc')), 503);
  t.is(await refused(await ask('novnc')), 101);
});
