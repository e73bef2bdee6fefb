/** What one process does to tokens, all others know. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud } from '../../cloud.ts';
import { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../../drivers.ts';
import { SimulatedNetworkEngine } from '../../network/drivers/simulated/driver.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { readMasterKey, rotateKeys } from './keys.ts';

const v3 = '/identity/v3';

/** Another process of the same cloud, as far as it answers: the same database and data directory. */
async function another(t: ExecutionContext, { config }: TestCloud) {
  const drivers = simulatedDrivers(new SimulatedHost(), new SimulatedNetworkEngine());
  const cloud = await buildCloud(config, pino({ level: 'silent' }), drivers);
  await cloud.server.initialize();
  t.teardown(() => cloud.stop());
  return {
    async status(token: string) {
      const headers = { 'x-auth-token': token };
      return (await cloud.server.inject({ method: 'GET', url: `${v3}/auth/catalog`, headers })).statusCode;
    },
    async name(token: string, subject = token) {
      const headers = { 'x-auth-token': token, 'x-subject-token': subject };
      const { payload } = await cloud.server.inject({ method: 'GET', url: `${v3}/auth/tokens`, headers });
      return JSON.parse(payload).token.user.name as string;
    },
  };
}

async function until(condition: () => Promise<boolean>, end = Date.now() + 60_000): Promise<boolean> {
  for (; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) if (await condition()) return true;
  return false;
}

test('a token that one process ends is none to another', async (t) => {
  const cloud = await startTestCloud(t);
  const other = await another(t, cloud);
  const token = await cloud.as('member').token();
  t.is(await other.status(token), 200);
  await cloud.as('member').request({
    method: 'DELETE',
    path: `${v3}/auth/tokens`,
    headers: { 'x-subject-token': token },
  });
  t.true(await until(async () => (await other.status(token)) === 401));
});

test('a new key signs from now on, tokens of the old one stay good, and the other process knows the new one', async (t) => {
  const cloud = await startTestCloud(t);
  const other = await another(t, cloud);
  const before = await cloud.as('member').token();
  const kid = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid;
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const { id, removed } = await rotateKeys(cloud.db, master, cloud.config.tokenSeconds);
  t.is(removed, 0);
  let after = '';
  t.true(
    await until(async () => {
      const identity = { methods: ['token'], token: { id: before } };
      const path = `${v3}/auth/tokens`;
      const answer = await cloud.anonymous.request({ method: 'POST', path, body: { auth: { identity } } });
      after = String(answer.headers['x-subject-token']);
      return kid(after) === id;
    }),
  );
  t.not(kid(before), id);
  for (const token of [before, after]) t.is(await other.status(token), 200);
});

test('a key goes once all the tokens that it signed have expired', async (t) => {
  const cloud = await startTestCloud(t);
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const tokenSeconds = cloud.config.tokenSeconds;
  await rotateKeys(cloud.db, master, tokenSeconds);
  const longAgo = cloud.db.raw(`created_at - make_interval(secs => ?)`, [tokenSeconds + 3600]);
  await cloud.db('token_keys').update({ created_at: longAgo });
  t.is((await rotateKeys(cloud.db, master, tokenSeconds)).removed, 1);
  t.is((await cloud.db('token_keys')).length, 2);
});

test('names are shown as they are now, also by a process that has shown them before', async (t) => {
  const cloud = await startTestCloud(t);
  const other = await another(t, cloud);
  const token = await cloud.as('member').token();
  t.is(await other.name(token), 'member');
  const path = `${v3}/users/${cloud.as('member').userId}`;
  await cloud.as('admin').patch(path, { user: { name: 'renamed' } });
  const shown = await cloud.as('member').request({
    method: 'GET',
    path: `${v3}/auth/tokens`,
    headers: { 'x-subject-token': token },
  });
  t.is(shown.body.token.user.name, 'renamed');
  t.true(await until(async () => (await other.name(token)) === 'renamed'));
});
