import test from 'ava';
import { listenForNotifications } from '../../common/database/notifications.ts';
import { createLogger } from '../../common/logger.ts';
import { lookAtHosts } from '../../host/hosts-of-cloud.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

const compute = '/compute/v2.1';

test('a host that is silent for as long as its agent said is down, and everybody who asks is told', async (t) => {
  const cloud = await startTestCloud(t, { hostDownSeconds: 120 });
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer({ networks: [] });
  await cloud.settle();
  const admin = atVersion(cloud.as('admin'), '2.69');
  const silentFor = (seconds: number) =>
    cloud.db('compute_hosts').update({
      heartbeat_at: cloud.db.raw("now() - ? * interval '1 second'", [seconds]),
      agent_seen_at: cloud.db.raw("now() - ? * interval '1 second'", [seconds]),
    });
  const told = async () => {
    const [service] = (await admin.get(`${compute}/os-services`)).services;
    const { server } = await admin.get(`${compute}/servers/${id}`);
    const [hypervisor] = (await admin.get(`${compute}/os-hypervisors`)).hypervisors;
    const [finding] = await lookAtHosts(cloud.db);
    return [service.state, server.host_status, hypervisor.state, finding?.found.replace(/since .*;/, 'since …;')];
  };
  await silentFor(100);
  t.deepEqual(await told(), ['up', 'UP', 'up', '1, all up']);
  await silentFor(121);
  const why = 'host-1 is down: not heard of since …; 1 guests';
  t.deepEqual(await told(), ['down', 'UNKNOWN', 'down', why]);
  const { fault } = (await cloud.as('member').get(`${compute}/servers/${await createServer({ networks: [] })}`)).server;
  t.regex(fault.message, /No valid host/);
  await admin.put(`${compute}/os-services/${await serviceId()}`, { forced_down: true }, 200);
  t.deepEqual((await told()).slice(0, 3), ['down', 'DOWN', 'down']);

  async function serviceId(): Promise<string> {
    return (await admin.get(`${compute}/os-services`)).services[0].id;
  }
});

test('what has failed while its engine was away is taken up again at once when that is back', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const notifications = listenForNotifications(cloud.config.databaseUrl.reveal(), createLogger('silent'));
  t.teardown(() => notifications.stop());
  await new Promise<void>((resolve) => notifications.subscribe('servers', () => resolve())); // it listens
  const woken: (string | undefined)[] = [];
  const heartbeat = cloud.modules.flatMap(({ agents }) => agents).find(({ name }) => name === 'compute-hosts');
  host.isAway = true;
  notifications.subscribe('servers', (one) => woken.push(one));
  const id = await createServer({ networks: [] });
  while (!woken.includes(id)) await new Promise((resolve) => setTimeout(resolve, 5)); // that it was made is told, too
  woken.length = 0;
  await heartbeat?.reconcile('host-1');
  await heartbeat?.reconcile('host-1');
  t.deepEqual(woken, []);
  host.isAway = false;
  await heartbeat?.reconcile('host-1');
  while (!woken.includes(id)) await new Promise((resolve) => setTimeout(resolve, 5));
  await heartbeat?.reconcile('host-1');
  t.deepEqual(woken, [id], 'once');
});
