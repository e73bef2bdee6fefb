/** The agent of the host where a server goes ends at each of its steps in turn, and with it every connection to it. */
import test from 'ava';
import { CloudError } from '../../../common/errors.ts';
import { createLogger } from '../../../common/logger.ts';
import { readMasterKey } from '../../../identity/tokens/keys.ts';
import { noVendors } from '../../metadata/vendor-data.ts';
import { mortal, mortalDatabase, reaper } from '../../mortal.ts';
import { atVersion } from '../../testing.ts';
import { specOf } from '../reconciler.ts';
import { arrivals } from './arrivals.ts';
import { throughDeaths, workUntilKilled } from './deaths.ts';
import { listenForMoves } from './road.ts';
import { startTwoHosts, type TwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

/** Lets servers in to `host-2` until it is killed, after so many steps. */
async function mortalDoor({ cloud, second }: TwoHosts, steps: number) {
  const death = reaper(steps);
  const [db, log] = [mortalDatabase(cloud.db, death), createLogger('silent')];
  const cache = { ensure: async () => '/image', take: async () => undefined };
  const coming = arrivals({
    db,
    driver: mortal(second.driver, death),
    cache,
    hostName: 'host-2',
    specOf: (server, signal) => specOf({ db, log, cache, vendors: noVendors }, server, signal),
  });
  const untilDeath = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      if (death.isDead()) void road.stop();
    }
  };
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const road = await listenForMoves('127.0.0.1:0', master, log, async (moveId, question) => {
    const { answer, next } = await untilDeath(coming.answer(moveId, question));
    return { answer, ...(next && { next: (socket) => untilDeath(next(socket)) }) };
  });
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ migration_address: road.address });
  return { isDead: () => death.isDead(), close: () => road.stop() };
}

for (const [name, body] of [
  ['cold', { migrate: null }],
  ['live', { 'os-migrateLive': { block_migration: 'auto', host: 'host-2' } }],
] as const)
  test(`a server that goes to another host (${name}) is on one of them in the end, wherever the process is killed that lets it in`, async (t) => {
    const two = await startTwoHosts(t);
    const { cloud, settle, createServer, show, first, second, hostOf, silence } = two;
    const admin = atVersion(cloud.as('admin'), '2.80');
    const flavor = { id: 'swaps', name: 'swaps', ram: 64, vcpus: 1, disk: 1, swap: 64 };
    await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
    const id = await createServer({ networks: [], flavorRef: flavor.id });
    await settle();
    for (const disk of first.disks.keys()) first.disks.set(disk, Buffer.from(`${disk.length} as the guest left it`));
    const written = [...first.disks.values()].map(String);
    await cloud.db('compute_hosts').update({ is_disabled: false });

    let deaths = 0;
    for (; (await hostOf(id)) === 'host-1'; deaths += 1) {
      t.true(deaths < 60, 'it arrives');
      await silence('host-2', false);
      if ((await show(id)).status === 'ACTIVE') await admin.post(`${servers}/${id}/action`, body, 202);
      const door = await mortalDoor(two, deaths);
      await workUntilKilled(two, 'host-1', id, Number.POSITIVE_INFINITY).catch((error) => {
        if (!(error instanceof CloudError)) throw error; // the loop tries again
      });
      await door.close();
      if (!door.isDead()) break;
      if (name === 'live') await second.settle(); // what came of it is cleared before it comes again
      const whole = [first, second.host].filter((host) => host.servers.get(id)?.power === 'running');
      t.true(whole.length <= 1, 'it never runs twice');
    }
    t.is(await hostOf(id), 'host-2');
    await throughDeaths(two, 'host-2', id);
    await settle();
    t.is((await show(id)).status, name === 'cold' ? 'VERIFY_RESIZE' : 'ACTIVE');
    if (name === 'cold') await admin.post(`${servers}/${id}/action`, { confirmResize: null }, 204);
    await settle();
    t.is(second.host.servers.get(id)?.power, 'running');
    t.deepEqual([...second.host.disks.values()].map(String), written);
    t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
    t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
    t.is((await cloud.db('compute_claims').where({ id })).length, 1);
    t.true(deaths >= 8, `${deaths} deaths`);
    t.log('deaths survived', deaths);
  });
