import { uptime } from 'node:os';
import test from 'ava';
import { pino } from 'pino';
import { openDatabase } from '../../common/database/database.ts';
import { createLogger } from '../../common/logger.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import type { ServerSpec } from '../drivers/driver.ts';
import { insertMove } from '../servers/moves/store.ts';
import { startTwoHosts } from '../servers/moves/testing.ts';
import { atVersion, prepareCompute, type TestCloud } from '../testing.ts';
import type { Fence } from './guard/fence.ts';
import { type HostLease, hostLease, type LeaseDeps, whileLeased } from './lease.ts';

const servers = '/compute/v2.1/servers';

/** Of the agent of `host-1`, unless another is named, as if that had just been started. */
function leaseOf({ db, drivers }: TestCloud, others: Partial<LeaseDeps> = {}): HostLease {
  return hostLease({
    db,
    log: createLogger('silent'),
    driver: drivers.servers,
    hostName: 'host-1',
    downAfterSeconds: 30,
    resumesOnBoot: true,
    ...others,
  });
}

for (const resumesOnBoot of [true, false])
  test(`after its host was started anew, a server that ran ${resumesOnBoot ? 'runs again' : 'stays shut down, where the site wants that'}`, async (t) => {
    const cloud = await startTestCloud(t);
    const { createServer, show, host } = await prepareCompute(t, cloud);
    const member = cloud.as('member');
    const [ran, stopped] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
    await cloud.settle();
    await member.post(`${servers}/${stopped}/action`, { 'os-stop': null }, 202);
    await cloud.settle();
    host.reboot();
    await leaseOf(cloud, { resumesOnBoot }).ensure();
    await cloud.sweep();
    await cloud.settle();
    t.deepEqual(
      [(await show(ran)).status, (await show(stopped)).status],
      [resumesOnBoot ? 'ACTIVE' : 'SHUTOFF', 'SHUTOFF'],
    );
    t.is(host.servers.get(ran)?.power, resumesOnBoot ? 'running' : 'shutdown');
    t.is(host.servers.get(stopped)?.power, 'shutdown');
    const [last] = (await atVersion(member, '2.1').get(`${servers}/${ran}/os-instance-actions`)).instanceActions;
    t.like(
      last,
      resumesOnBoot
        ? { action: 'start', message: "The guest's power had been cut; it is started again." }
        : { action: 'stop', message: 'Its host was started anew.' },
    );
    if (resumesOnBoot) return;
    await member.post(`${servers}/${ran}/action`, { 'os-start': null }, 202);
    await cloud.settle();
    t.is((await show(ran)).status, 'ACTIVE');
    host.lose(ran);
    await leaseOf(cloud, { resumesOnBoot }).ensure();
    await cloud.sweep();
    await cloud.settle();
    t.is((await show(ran)).status, 'ACTIVE', 'the host was not started anew');
  });

test('an agent that comes back to a dead host stops what was evacuated before the host lives again', async (t) => {
  const { cloud, settle, createServer, silence, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const [before, meanwhile] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await silence('host-1', true);
  await admin.post(`${servers}/${before}/action`, { evacuate: {} });
  await second.settle();
  t.is(first.servers.get(before)?.power, 'running', 'nobody has fenced it');

  const isDead = async () =>
    (await cloud.db('compute_hosts').where({ name: 'host-1' }).whereRaw("agent_seen_at < now() - interval '1 minute'"))
      .length === 1;
  const lease = leaseOf(cloud);
  first.isAway = true;
  await t.throwsAsync(lease.ensure(), { message: /engine/ });
  t.deepEqual([lease.isHeld(), await isDead()], [false, true]);
  first.isAway = false;

  // Another one is evacuated just while the agent comes back.
  const release = first.hold('power');
  const held = lease.ensure();
  while (first.callsOf('power') < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await admin.post(`${servers}/${meanwhile}/action`, { evacuate: {} });
  release();
  await held;
  t.deepEqual([lease.isHeld(), await isDead()], [true, false]);
  for (const id of [before, meanwhile]) t.is(first.servers.get(id)?.power, 'shutdown');
  await admin.post(`${servers}/${before}/action`, { evacuate: { host: 'host-1' } }, 400);
  await settle();
  t.deepEqual([first.servers.size, second.host.servers.size], [0, 2]);
});

test('what was evacuated while its agent waited to write that it lives is stopped before the host has a lease', async (t) => {
  const { cloud, settle, createServer, silence, first, second } = await startTwoHosts(t);
  const admin = atVersion(cloud.as('admin'), '2.80');
  const [before, meanwhile] = [await createServer({ networks: [] }), await createServer({ networks: [] })];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  const powerOf = (id: string) => first.servers.get(id)?.power;
  let interlude = async () => {};
  const fence: Fence = {
    async hold() {
      await interlude();
      return 0;
    },
    extend: async () => {},
    release: async () => {},
  };
  const lease = leaseOf(cloud, { fence });
  await lease.ensure();

  // A guard that starts slowly: the host dies, and a server is evacuated, after its agent has read that it is not dead.
  interlude = async () => {
    await silence('host-1', true);
    await admin.post(`${servers}/${before}/action`, { evacuate: {} });
  };
  await lease.reconciler.reconcile('host-1');
  t.deepEqual([lease.isHeld(), powerOf(before), powerOf(meanwhile)], [true, 'shutdown', 'running']);

  // An evacuation has locked the host when the agent writes, and is had first. Stopping what left fails then, at first.
  await silence('host-1', false);
  const trx = await cloud.db.transaction();
  const otherHost = await cloud.db('compute_hosts').where({ name: 'host-2' }).first('id');
  interlude = async () => {
    await trx('compute_hosts')
      .where({ name: 'host-1' })
      .update({ agent_seen_at: trx.raw("now() - interval '1 hour'") });
  };
  const renewing = t.throwsAsync(lease.reconciler.reconcile('host-1'), { message: /engine/ });
  const waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  while ((await cloud.db.raw(waits)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const way = { kind: 'evacuation', status: 'accepted', sourceHost: 'host-1', destinationHost: 'host-2' } as const;
  await insertMove(trx, { ...way, serverId: meanwhile, userId: null, projectId: null, sourceKept: true });
  await trx('servers').where({ id: meanwhile }).update({ host_id: otherHost.id });
  first.isAway = true;
  await trx.commit();
  await renewing;
  t.is(powerOf(meanwhile), 'running');
  first.isAway = false;
  interlude = async () => {};
  await lease.reconciler.reconcile('host-1');
  t.deepEqual([lease.isHeld(), powerOf(meanwhile)], [true, 'shutdown'], 'although the host was not dead any more');
  t.is(second.host.servers.size, 0);
});

test('a host that was dead when a server went back to where it came from stops it before it has a lease', async (t) => {
  const { cloud, settle, createServer, silence, hostOf, first, second } = await startTwoHosts(t);
  const id = await createServer({ networks: [] });
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await atVersion(cloud.as('admin'), '2.80').post(`${servers}/${id}/action`, { migrate: null }, 202);
  await settle();
  await silence('host-2', true);
  await cloud.as('member').post(`${servers}/${id}/action`, { revertResize: null }, 202);
  await cloud.settle();
  const powers = () => [first, second.host].map((host) => host.servers.get(id)?.power);
  t.is(await hostOf(id), 'host-1');
  t.deepEqual(powers(), ['running', 'running'], 'nobody has fenced it');
  const lease = leaseOf(cloud, { hostName: 'host-2', driver: second.driver });
  await lease.ensure();
  t.true(lease.isHeld());
  t.deepEqual(powers(), ['running', 'shutdown']);
  await settle();
  t.is(second.host.servers.size, 0);
});

test('an agent without a fence sends home what an agent with one has left, once nobody relies on it', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareCompute(t, cloud);
  await cloud.db('compute_hosts').update({ is_fenced: true });
  const reliedOn: boolean[] = [];
  let isAway = true;
  const endStrayGuard = async () => {
    reliedOn.push((await cloud.db('compute_hosts').where({ name: 'host-1' }).first('is_fenced')).is_fenced);
    if (isAway) throw new Error('not now');
    return true;
  };
  const lease = leaseOf(cloud, { endStrayGuard });
  await t.throwsAsync(lease.ensure(), { message: 'not now' });
  t.false(lease.isHeld());
  isAway = false;
  await lease.ensure();
  t.true(lease.isHeld());
  await lease.reconciler.reconcile('host-1');
  t.deepEqual(reliedOn, [false, false]);
});

test('without a lease nothing is let run, and what runs can be stopped and removed', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const id = await createServer({ networks: [] });
  await cloud.settle();
  const spec = host.servers.get(id)?.spec as ServerSpec;
  let isHeld = false;
  const driver = whileLeased(cloud.drivers.servers, { isHeld: () => isHeld });
  await t.throwsAsync(async () => driver.reboot(spec, 'hard'), {
    message: /has not reached the database for too long/,
  });
  await driver.power(spec, 'shutdown', { graceSeconds: 0 });
  await t.throwsAsync(async () => driver.power(spec, 'running'));
  await t.throwsAsync(async () => driver.ensure(spec));
  t.is((await driver.observe(id))?.power, 'shutdown');
  isHeld = true;
  await driver.power(spec, 'running');
  isHeld = false;
  await driver.remove(id);
  t.is(host.servers.size, 0);
});

test('a guard never has more time than is written down, and nobody relies on one that is not there', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareCompute(t, cloud);
  const said: string[] = [];
  let isAway = false;
  const row = () => cloud.db('compute_hosts').where({ name: 'host-1' }).first();
  const answer = async (word: string) => {
    if (isAway) throw new Error('no guard');
    said.push(`${word}, ${(await row()).is_fenced ? 'relied on' : 'not relied on'}`);
  };
  let [endsAt, guardEndsAt] = [0, 0];
  const fence: Fence = {
    async hold() {
      await answer('hold');
      return guardEndsAt;
    },
    extend: (until) => {
      endsAt = until;
      return answer('extend');
    },
    release: () => answer('release'),
  };
  const own = openDatabase(cloud.config.databaseUrl.reveal(), { max: 1 });
  t.teardown(() => own.destroy());
  const logged: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => logged.push(line) });
  const lease = leaseOf(cloud, { db: own, log, fence });
  const began = uptime();
  await lease.ensure();
  t.deepEqual(said, ['hold, not relied on', 'extend, relied on']);
  t.true(endsAt >= began + 25 && endsAt <= uptime() + 25, 'five seconds before others may count it as dead');

  isAway = true;
  await lease.reconciler.reconcile('host-1');
  t.false((await row()).is_fenced);
  t.true(lease.isHeld());
  isAway = false;
  await lease.reconciler.reconcile('host-1');
  await cloud.db('compute_hosts').update({ name: 'out of reach' });
  said.length = 0;
  await lease.reconciler.reconcile('host-1');
  t.deepEqual(said, [], 'what is not written down is not told to the guard');
  await cloud.db('compute_hosts').update({ name: 'host-1' });

  guardEndsAt = uptime() + 3600; // of a time when hosts were down later
  said.length = 0;
  await cloud.db('compute_hosts').update({ is_fenced: false });
  await lease.reconciler.reconcile('host-1');
  t.deepEqual(said, ['hold, not relied on', 'extend, not relied on', 'extend, relied on'], 'less first, more last');

  said.length = 0;
  await own.destroy();
  await lease.release();
  t.deepEqual(said, [], 'others rely on it, and cannot be told');
  t.regex(logged.join(), /cannot be told that this host has no guard/);
  own.initialize();
  await lease.release();
  t.deepEqual(said, ['release, not relied on']);
  await lease.reconciler.reconcile('host-1');
  t.false((await row()).is_fenced);
});
