/** A host dies while servers leave it, and they are evacuated: what has arrived elsewhere is not made anew. */
import test from 'ava';
import { atVersion, uploadImage } from '../../testing.ts';
import { type Moment, throughDeaths, workUntilKilled } from './deaths.ts';
import { addHost, startTwoHosts, type TwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';
const bodies = { live: { 'os-migrateLive': { block_migration: 'auto', host: null } }, cold: { migrate: null } };

/** A server whose host dies at that moment of letting it go; undefined when it had gone before. */
async function leftHalfway(
  two: TwoHosts,
  how: keyof typeof bodies,
  moment: Moment,
  imageRef?: string,
): Promise<string | undefined> {
  const { cloud, createServer, settle, silence, second, first } = two;
  await silence('host-1', false);
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
  const id = await createServer({ networks: [], ...(imageRef && { imageRef }) });
  await settle();
  first.disks.set(`${id} 1`, Buffer.from(`what its owner wrote to ${id}`));
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await atVersion(cloud.as('admin'), '2.80').post(`${servers}/${id}/action`, bodies[how], 202);
  const isOver = await workUntilKilled(two, 'host-1', id, moment);
  await silence('host-1', true);
  await second.settle();
  return isOver ? undefined : id;
}

for (const how of ['live', 'cold'] as const)
  test(`evacuated from a host that died while it left (${how}), a server goes on as it arrived, or is made anew`, async (t) => {
    const two = await startTwoHosts(t);
    const { cloud, settle, show, hostOf, first, second, silence } = two;
    const admin = atVersion(cloud.as('admin'), '2.95');
    const outcomes = { kept: 0, anew: 0 };
    for (let steps = 4; ; steps++) {
      const id = await leftHalfway(two, how, steps);
      if (id === undefined) break;
      const disk = () => [...second.host.disks].filter(([name]) => name.startsWith(id)).map(([, data]) => `${data}`);
      const isWhole = disk().join() === `what its owner wrote to ${id}`;
      if ((await hostOf(id)) === 'host-1') {
        await admin.post(`${servers}/${id}/action`, { evacuate: {} });
        await throughDeaths(two, 'host-2', id);
        await second.settle();
      }
      const { status } = await show(id);
      t.is(await hostOf(id), 'host-2');
      t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
      t.is(disk().length, 1, `after ${steps} steps`);
      t.is(disk().join() === `what its owner wrote to ${id}`, isWhole, `after ${steps} steps: ${disk()}`);
      const kinds = await cloud.db('server_migrations').where({ server_id: id }).orderBy('number').pluck('kind');
      t.is(kinds.includes('evacuation'), !isWhole);
      const arrived = how === 'live' ? 'ACTIVE' : 'VERIFY_RESIZE';
      t.is(status, isWhole ? arrived : 'SHUTOFF', `after ${steps} steps`); // what is made anew is for its owner to look at
      if (isWhole && how === 'live') t.is(second.host.servers.get(id)?.output, 'booted\n', 'it has not booted again');
      outcomes[isWhole ? 'kept' : 'anew'] += 1;

      await silence('host-1', false);
      if (status === 'VERIFY_RESIZE') await admin.post(`${servers}/${id}/action`, { confirmResize: null }, 204);
      await settle();
      t.false(first.servers.has(id), 'nothing of it runs where it was');
      await cloud.as('member').delete(`${servers}/${id}`);
      await settle();
      t.deepEqual(
        [first.servers.size, first.disks.size, second.host.servers.size, second.host.disks.size],
        [0, 0, 0, 0],
      );
    }
    t.true(outcomes.kept >= 1 && outcomes.anew >= 1, JSON.stringify(outcomes));
    t.log(outcomes);
  });

test('a server that may have arrived is evacuated to no other host, is taken over without its image, and waits in error if it has to be made anew', async (t) => {
  const two = await startTwoHosts(t, { evacuationPolicy: 'forced-down' });
  const { cloud, show, hostOf, second, silence } = two;
  const admin = atVersion(cloud.as('admin'), '2.80');
  const image = await uploadImage(t, cloud);
  const [evacuations] = cloud.modules
    .flatMap((module) => module.controllers)
    .filter(({ name }) => name === 'evacuations');
  if (evacuations === undefined) return t.fail();
  const down = async (isDown: boolean) => {
    await cloud.db('compute_hosts').where({ name: 'host-1' }).update({ is_forced_down: isDown });
    await silence('host-1', isDown);
    for (let round = 0; round < 2; round++) {
      if (isDown) for (const server of await evacuations.pending(10)) await evacuations.reconcile(server);
      else await two.settle();
      await second.settle();
    }
  };
  const arrived = await leftHalfway(two, 'live', { call: 'migrate', when: 'after' }, image);
  if (arrived === undefined) return t.fail('it had gone before');
  await addHost(t, cloud, 'host-3');
  const refused = await admin.post(`${servers}/${arrived}/action`, { evacuate: { host: 'host-3' } }, 400);
  t.regex(JSON.stringify(refused), /may have arrived at host-2: it can only go there/);
  await cloud.db('compute_hosts').where({ name: 'host-3' }).delete();
  await down(true);
  t.deepEqual([await hostOf(arrived), (await show(arrived)).status], ['host-2', 'ACTIVE']);
  t.deepEqual(await cloud.db('server_migrations').pluck('status'), ['completed']);
  await down(false);

  const half = await leftHalfway(two, 'live', { call: 'migrate', when: 'before' }, image);
  if (half === undefined) return t.fail('it had gone before');
  await cloud.as('member').delete(`${servers}/${arrived}`);
  await cloud.as('admin').delete(`/image/v2/images/${image}`);
  await down(true);
  const { status, fault } = await show(half);
  t.is(status, 'ERROR');
  t.regex(fault?.message ?? '', /its image .* is gone/);
  const tries: { message: string }[] = await cloud.db('server_actions').where({ server_id: half, action: 'evacuate' });
  t.deepEqual(
    tries.map(({ message }) => message),
    ['Error'],
    'once',
  );
  await down(false);
  t.is(await hostOf(half), 'host-1', 'its host is back, and knows that it has stayed');
});
