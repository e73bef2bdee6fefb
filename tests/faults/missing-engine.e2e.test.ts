/** An engine that was never there fails those who need it, with the reason; our process does all else, and heals with it. */
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Knex, openDatabase } from '../../common/database/database.ts';
import { hostState } from '../end-to-end/host-state.ts';
import { type RealCloud, startRealCloud, until } from '../end-to-end/real-cloud.ts';
import { imageKinds, kinds, prepareGuests, untilNothingIsLeft } from './ground.ts';

test('without libvirt a server is told that no host can take it, and the next one runs once libvirt is there', async (t) => {
  const socket = (dataDir: string) => join(dataDir, 'libvirt-sock');
  const cloud = await startRealCloud(t, {
    config: (dataDir) => ({ libvirtUri: `qemu+unix:///system?socket=${socket(dataDir)}` }),
  });
  const guests = await prepareGuests(cloud, { needsHost: false });
  const before = await hostState(cloud.dataDir);
  const early = await guests.create('server', 'early');
  t.regex(await guests.untilFailed('server', early), /No valid host was found/);
  t.regex(await cloud.log(), /libvirt does not answer at/);
  await guests.remove('server', early);
  await guests.untilGone('server', early);

  await symlink('/run/libvirt/libvirt-sock', socket(cloud.dataDir));
  await until('the host can be used', async () => {
    const { hypervisors } = (await cloud.ask('admin', 'GET', '/compute/v2.1/os-hypervisors')).body;
    return hypervisors.length > 0;
  });
  const server = await guests.create('server', 'late');
  await guests.untilRunning('server', server);

  // It goes away for long: what runs is left alone, and nothing is placed where it could not run.
  await rm(socket(cloud.dataDir));
  await cloud.kill();
  await cloud.start();
  await until('the host is known not to work', async () => {
    await onDatabase(cloud, (db) =>
      db('compute_hosts')
        .whereNotNull('engine_fault')
        .update({ heartbeat_at: db.raw("now() - interval '1 minute'") }),
    );
    const { hypervisors } = (await cloud.ask('admin', 'GET', '/compute/v2.1/os-hypervisors/detail')).body;
    return hypervisors[0].state === 'down';
  });
  t.is((await guests.show('server', server)).state, 'running');
  const unlucky = await guests.create('server', 'unlucky');
  const reason = await guests.untilFailed('server', unlucky);
  t.regex(reason, /its engine does not answer/);
  t.log(reason);
  await guests.remove('server', server); // waits for libvirt
  await symlink('/run/libvirt/libvirt-sock', socket(cloud.dataDir));
  await guests.untilGone('server', server);
  await guests.remove('server', unlucky);
  await guests.untilGone('server', unlucky);
  await untilNothingIsLeft(t, cloud, before, imageKinds);
});

test('without Docker and OVN guests wait, say so when it takes too long, and run once those are there', async (t) => {
  const docker = (dataDir: string) => join(dataDir, 'docker.sock');
  const ovn = (dataDir: string) => join(dataDir, 'ovnnb_db.sock');
  const cloud = await startRealCloud(t, {
    config: (dataDir) => ({ dockerSocket: docker(dataDir), ovnNorthbound: `unix:${ovn(dataDir)}` }),
  });
  const guests = await prepareGuests(cloud, { needsDrawing: false });
  const before = await hostState(cloud.dataDir);
  const container = await guests.create('container', 'guest');
  await longAgo(cloud, container);
  t.is(await guests.untilFailed('container', container), 'The container engine does not answer.');

  await symlink('/var/run/docker.sock', docker(cloud.dataDir));
  await symlink('/var/run/ovn/ovnnb_db.sock', ovn(cloud.dataDir));
  await guests.untilRunning('container', container);
  const server = await guests.create('server', 'guest');
  await guests.untilRunning('server', server);
  const ids = { server, container };
  await Promise.all(kinds.map((kind) => guests.remove(kind, ids[kind])));
  await Promise.all(kinds.map((kind) => guests.untilGone(kind, ids[kind])));
  await untilNothingIsLeft(t, cloud, before, [...imageKinds, 'logicalSwitches', 'dhcpOptions']);
});

/** Nobody wants to wait for five minutes: the database is told that it has been so long since the container failed first. */
async function longAgo(cloud: RealCloud, id: string): Promise<void> {
  await until('the container has failed', async () => {
    const backdate = (db: Knex) =>
      db('containers')
        .where({ id })
        .whereNotNull('failing_since')
        .update({ failing_since: db.raw("now() - interval '10 minutes'") });
    return (await onDatabase(cloud, backdate)) === 1;
  });
}

async function onDatabase<T>({ databaseUrl }: RealCloud, work: (db: Knex) => PromiseLike<T>): Promise<T> {
  const db = openDatabase(databaseUrl, { max: 1 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}
