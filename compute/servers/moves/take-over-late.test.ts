/** A host that only seemed dead comes back while the host that its server was going to takes that over. */
import { PassThrough } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { CloudError, Unavailable } from '../../../common/errors.ts';
import { createLogger } from '../../../common/logger.ts';
import type { ServerDriver } from '../../drivers/driver.ts';
import { noVendors } from '../../metadata/vendor-data.ts';
import { reaper } from '../../mortal.ts';
import { atVersion } from '../../testing.ts';
import { specOf } from '../reconciler.ts';
import { arrivals } from './arrivals.ts';
import { type Moment, mortalAgent, workUntilKilled } from './deaths.ts';
import { startTwoHosts, type TwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';
const never = reaper(Number.POSITIVE_INFINITY);
const bodies = { live: { 'os-migrateLive': { block_migration: 'auto', host: null } }, cold: { migrate: null } };

/** A server with two disks, evacuated from `host-1`, which seems to have died at that moment of letting it go. */
async function evacuated(two: TwoHosts, how: keyof typeof bodies, moment: Moment): Promise<string> {
  const { cloud, createServer, settle, silence, first } = two;
  const admin = atVersion(cloud.as('admin'), '2.95');
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
  const id = await createServer({ networks: [], flavorRef: 'swaps' });
  await settle();
  for (const name of first.disks.keys())
    if (name.startsWith(id)) first.disks.set(name, Buffer.from('what its owner wrote'));
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await admin.post(`${servers}/${id}/action`, bodies[how], 202);
  await workUntilKilled(two, 'host-1', id, moment);
  await silence('host-1', true);
  await admin.post(`${servers}/${id}/action`, { evacuate: {} });
  return id;
}

async function startSwapping(...args: Parameters<typeof startTwoHosts>): Promise<TwoHosts> {
  const two = await startTwoHosts(...args);
  const flavor = { id: 'swaps', name: 'swaps', ram: 64, vcpus: 1, disk: 1, swap: 64 };
  await two.cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  return two;
}

/** Waits at so many-th of the moments before and after its calls, once `reached` is told, until `goOn` is called. */
function pausing(real: ServerDriver, moment: number) {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let left = moment;
  const pause = async () => {
    if (left-- !== 0) return;
    reached.resolve();
    await gate.promise;
  };
  const driver = new Proxy(real, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        await pause();
        const result = await method.apply(target, args);
        await pause();
        return result;
      };
    },
  });
  return { driver, reached: reached.promise, goOn: gate.resolve };
}

const tolerated = (error: unknown) => {
  if (!(error instanceof CloudError)) throw error; // the loop tries again
};

for (const [how, call] of [
  ['cold', 'openDisk'],
  ['live', 'migrate'],
] as const)
  test(`whenever its host comes back while a server is taken over (${how}), it is whole on the host that has it in the end`, async (t) => {
    const two = await startSwapping(t);
    const { cloud, settle, silence, second, first, hostOf, show } = two;
    const admin = atVersion(cloud.as('admin'), '2.95');
    const outcomes: string[] = [];
    for (let moment = 0; ; moment++) {
      const id = await evacuated(two, how, { call, when: 'before' });
      const { driver, reached, goOn } = pausing(second.driver, moment);
      const { moves } = await mortalAgent(two, 'host-2', driver, never);
      const takingOver = (async () => {
        for (const move of await moves.pending(10)) await moves.reconcile(move).catch(tolerated);
      })();
      const isOver = await Promise.race([reached.then(() => false), takingOver.then(() => true)]);
      if (isOver) break;
      await silence('host-1', false);
      await workUntilKilled(two, 'host-1', id, Number.POSITIVE_INFINITY).catch(tolerated);
      goOn();
      await takingOver;
      await settle();
      const { status } = await show(id);
      const owner = await hostOf(id);
      const kinds = await cloud.db('server_migrations').where({ server_id: id }).orderBy('number').pluck('kind');
      const [here, there] = owner === 'host-1' ? [first, second.host] : [second.host, first];
      if (status === 'VERIFY_RESIZE') await admin.post(`${servers}/${id}/action`, { confirmResize: null }, 204);
      await settle();
      const disks = [...here.disks].filter(([name]) => name.startsWith(id)).map(([, data]) => `${data}`);
      t.is(disks.length, 2, `${moment}: ${status} on ${owner}`);
      const isAnew = kinds.includes('evacuation');
      t.is(
        disks.every((disk) => disk === 'what its owner wrote'),
        !isAnew,
        `${moment}: ${status} on ${owner}: ${disks}`,
      );
      t.deepEqual([there.servers.has(id), [...there.disks.keys()].filter((name) => name.startsWith(id))], [false, []]);
      t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
      outcomes.push(isAnew ? 'anew' : `kept on ${owner}`);
      await cloud.as('member').delete(`${servers}/${id}`);
      await settle();
    }
    t.true(outcomes.includes(how === 'cold' ? 'kept on host-2' : 'kept on host-1'), outcomes.join());
    if (how === 'cold') t.true(outcomes.includes('anew'), outcomes.join());
    t.log(outcomes.join(', '));
  });

test('nothing is let in once a server is made anew, and what came in until then is waited for, and used', async (t) => {
  const two = await startSwapping(t);
  const { cloud, second, silence, settle, hostOf, show } = two;
  const id = await evacuated(two, 'cold', { call: 'openDisk', when: 'before' });
  const log = createLogger('silent');
  const cache = { ensure: async () => '/image', take: async () => undefined };
  const door = arrivals({
    ...{ db: cloud.db, driver: second.driver, cache, hostName: 'host-2' },
    specOf: (server, signal) => specOf({ db: cloud.db, log, cache, vendors: noVendors }, server, signal),
  });
  const move = await cloud.db('server_migrations').where({ server_id: id }).first();
  const before = await door.answer(move.id, { call: 'disk', place: 'root' });
  t.deepEqual(before.answer, { isThere: false });

  let looks = 0;
  const isComing = () => looks++ > 0; // something begins just when the door is shut
  const { moves } = await mortalAgent(two, 'host-2', second.driver, never, isComing);
  await t.throwsAsync(moves.reconcile(move.id), { instanceOf: Unavailable, message: /still coming in/ });
  t.is(looks, 2);
  const { migrations } = await atVersion(cloud.as('admin'), '2.59').get('/compute/v2.1/os-migrations');
  t.is(migrations[0].status, 'accepted');
  await t.throwsAsync(async () => before.next?.(new PassThrough() as unknown as TLSSocket), { message: /taken over/ });
  await t.throwsAsync(door.answer(move.id, { call: 'disk', place: 'root' }), { message: /taken over/ });
  t.false(door.isComing(id));
  t.is(second.host.callsOf('remove'), 0);

  const { disk_generation: generation } = await cloud.db('servers').where({ id }).first();
  for (const name of [`${id} ${generation}`, `${id} ${generation} local 0`])
    second.host.disks.set(name, Buffer.from('it'));
  await silence('host-1', false);
  await workUntilKilled(two, 'host-1', id, Number.POSITIVE_INFINITY).catch(tolerated);
  t.is(await hostOf(id), 'host-1', 'who seemed dead does not hand it over by itself any more');
  await settle();
  t.deepEqual([await hostOf(id), (await show(id)).status], ['host-2', 'VERIFY_RESIZE']);
  t.is(`${second.host.disks.get(`${id} ${generation}`)}`, 'it');
});
