import { randomUUID } from 'node:crypto';
import test from 'ava';
import { listenForNotifications } from '../../common/database/notifications.ts';
import { createLogger } from '../../common/logger.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

const path = '/compute/v2.1/os-server-external-events';

test('an event about a server has its host look again, and those about nobody are told apart', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const [id, shelved] = [await createServer(), await createServer()];
  await cloud.settle();
  await member.post(`/compute/v2.1/servers/${shelved}/action`, { shelve: null }, 202);
  await cloud.settle();
  const event = (server_uuid: string, name = 'network-changed', more: object = {}) => ({ server_uuid, name, ...more });
  const tell = (status: number, ...events: object[]) => admin.post(path, { events }, status);

  const notifications = listenForNotifications(cloud.config.databaseUrl.reveal(), createLogger('silent'));
  t.teardown(() => notifications.stop());
  const heard = new Promise((resolve) => {
    notifications.subscribe('servers', (about) => {
      if (about === id) resolve(about);
    });
  });
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(() => notifications.connected());
  t.deepEqual(await tell(200, event(id)), { events: [{ ...event(id), status: 'completed', code: 200 }] });
  t.is(await heard, id, 'its host is woken');

  const unknown = randomUUID();
  const { events } = await tell(207, event(id), event(unknown), event(shelved));
  t.deepEqual(
    events.map((one: { status: string; code: number }) => [one.status, one.code]),
    [
      ['completed', 200],
      ['failed', 404],
      ['failed', 422],
    ],
  );
  t.is((await tell(207, event(unknown))).events[0].code, 404);
  await tell(400, event(id, 'volume-extended'));
  const later = atVersion(admin, '2.51');
  t.is((await later.post(path, { events: [event(id, 'volume-extended'), event(id)] }, 207)).events[0].code, 400);
  await later.post(path, { events: [event(id, 'volume-extended', { tag: randomUUID() })] }, 200);
  for (const wrong of [event(id, 'rain'), event('x'), event(id, 'network-changed', { status: 'odd' }), {}])
    await tell(400, wrong);
  await tell(400);
  await member.post(path, { events: [event(id)] }, 403);
});

test('what only Xen had is gone, in the words of Nova', async (t) => {
  const cloud = await startTestCloud(t);
  for (const name of ['resetNetwork', 'injectNetworkInfo']) {
    const actions = `/compute/v2.1/servers/${randomUUID()}/action`;
    const answer = await cloud.as('member').post(actions, { [name]: null }, 410);
    t.is(answer.computeFault.code, 410);
  }
});
