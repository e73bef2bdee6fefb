import test from 'ava';
import { defaultScheduling } from '../../scheduler/scheduling.ts';
import { drainHost } from './drain.ts';
import { startTwoHosts } from './testing.ts';

test('a host is drained of servers that run and that are shut down, and tells which cannot go', async (t) => {
  const { cloud, settle, createServer, show, first, second, hostOf } = await startTwoHosts(t);
  const member = cloud.as('member');
  const act = (id: string, body: object, status = 202) =>
    member.post(`/compute/v2.1/servers/${id}/action`, body, status);
  const [running, stopped, rescued] = [
    await createServer({ networks: [] }),
    await createServer({ networks: [] }),
    await createServer({ networks: [] }),
  ] as const;
  await settle();
  await act(stopped, { 'os-stop': null });
  await act(rescued, { rescue: null }, 200);
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: cloud.db.raw("name = 'host-1'") });
  const drain = () => drainHost({ db: cloud.db, scheduling: defaultScheduling }, 'host-1');
  const begun = await drain();
  t.like(begun, { left: 3, moving: 2 });
  t.deepEqual([...begun.stuck], [[rescued, 'it is in vm_state rescued']]);
  await settle();
  t.like(await drain(), { left: 2, moving: 1 }); // what arrived shut down is confirmed
  await settle();
  await act(rescued, { unrescue: null });
  await settle();
  await drain();
  await settle();
  t.deepEqual(await drain(), { left: 0, moving: 0, stuck: new Map() });
  t.deepEqual([first.servers.size, first.disks.size], [0, 0]);
  t.is(second.host.servers.get(running)?.output, 'booted\n');
  t.is((await show(stopped)).status, 'SHUTOFF');
  t.is(await hostOf(rescued), 'host-2');
});
