/** Our process may end between any two lines. Here it ends at each step in turn: every call of a driver, before it and after it, and every statement. */
import test from 'ava';
import { createLogger } from '../../common/logger.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import type { ImageCache } from '../image-cache/cache.ts';
import { Killed, mortal, mortalDatabase, reaper } from '../mortal.ts';
import { containerReconciler } from './reconciler.ts';
import { prepareContainers, type TestCloud } from './testing.ts';

const nothing: ImageCache = {
  ensure: async () => '/archive',
  list: async () => [],
  removeUnless: async () => undefined,
};

/** Works on a container with a process that dies after ever more steps, a new one each time; gives the number of deaths. */
async function reconcileThroughDeaths({ db, drivers }: TestCloud, id: string): Promise<number> {
  const log = createLogger('silent');
  for (let steps = 0; ; steps++) {
    const death = reaper(steps);
    const reconciler = containerReconciler({
      db: mortalDatabase(db, death),
      driver: mortal(drivers.containers, death),
      archives: mortal(nothing, death),
      log,
      hostName: 'host-1',
    });
    try {
      await reconciler.reconcile(id);
      if (!death.isDead()) return steps;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
}

test('a container comes to what was asked for, wherever the process is killed', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, ask, host } = await prepareContainers(t, cloud);
  const id = await run();
  const deaths: Record<string, number> = {};

  deaths.create = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'Running');
  await ask('POST', `/${id}/stop`, 202);
  deaths.stop = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'Stopped');
  await ask('POST', `/${id}/start`, 202);
  deaths.start = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'Running');
  await ask('POST', `/${id}/reboot`, 202);
  deaths.reboot = await reconcileThroughDeaths(cloud, id);
  t.like(await show(id), { status: 'Running', task_state: null });
  host.forget(id);
  deaths.lose = await reconcileThroughDeaths(cloud, id);
  t.is(host.containers.get(id)?.power, 'running');

  await ask('DELETE', `/${id}?stop=true`, 204);
  deaths.delete = await reconcileThroughDeaths(cloud, id);
  await ask('GET', `/${id}`, 404);
  t.is(host.containers.size, 0);
  const ports = await cloud.as('member').get(`/network/v2.0/ports?device_id=${id}`);
  t.deepEqual(ports.ports, []);
  for (const [what, count] of Object.entries(deaths)) t.true(count >= 4, `${what}: ${count} deaths`);
  t.log('deaths survived', deaths);
});

test('a container that removes itself is not started again, wherever the process is killed', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, ask, host } = await prepareContainers(t, cloud);
  const id = await run({ auto_remove: true });
  await cloud.settle();
  host.lose(id, 'shutdown');
  const powers = host.callsOf('power');
  const deaths = await reconcileThroughDeaths(cloud, id); // it is marked
  t.true(deaths + (await reconcileThroughDeaths(cloud, id)) >= 4); // it goes
  t.is(host.callsOf('power'), powers);
  await ask('GET', `/${id}`, 404);
  t.is(host.containers.size, 0);
});
