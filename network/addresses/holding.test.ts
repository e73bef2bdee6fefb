import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { base, makeExternal, makeNetwork, makePort, makeRouter } from '../testing/topology.ts';

/** The engine fails to draw these, until it is called again with none. */
function refuse(cloud: TestCloud, ...ids: string[]): void {
  cloud.engines.network.fault = (operation, id) =>
    operation === 'ensure' && id !== null && ids.includes(id) ? new Error('not now') : undefined;
}

/** As long as it takes: what failed is tried again after a while. */
async function settleUntil(cloud: TestCloud, isSo: () => boolean): Promise<void> {
  for (let pass = 0; pass < 50 && !isSo(); pass += 1) await cloud.settle();
}

function drawnAt(cloud: TestCloud, address: string): string[] {
  const { port, router } = cloud.engines.network.objects;
  const ports = [...port.values()].filter((one) => one.fixedIps.some((fixed) => fixed.address === address));
  const routers = [...router.values()].filter((one) =>
    [
      ...one.floatingIps.map((floating) => floating.floatingAddress),
      ...[...one.interfaces, ...(one.gateway ? [one.gateway] : [])].flatMap((leg) =>
        leg.addresses.map((own) => own.address),
      ),
    ].includes(address),
  );
  return [...ports, ...routers].map((one) => one.id);
}

const addressOf = (port: { fixed_ips: { ip_address: string }[] }) => port.fixed_ips[0]?.ip_address as string;

async function move(cloud: TestCloud, id: string, address: string, status = 200): Promise<void> {
  await cloud.as('member').put(`${base}/ports/${id}`, { port: { fixed_ips: [{ ip_address: address }] } }, status);
}

test('a floating IP comes to its next router when the one before has let go of its address', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const pool = { start: '172.24.4.100', end: '172.24.4.102' }; // two gateways and one floating IP
  const external = await makeExternal(cloud, pool);
  const sides = [];
  for (const cidr of ['10.0.0.0/24', '10.0.1.0/24']) {
    const { network, subnet } = await makeNetwork(member, cidr);
    const port = await makePort(member, network.id);
    sides.push({ port, router: await makeRouter(member, subnet.id, external.network.id) });
  }
  const [one, two] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const floatingTo = async (port: { id: string }) => {
    const asked = { floating_network_id: external.network.id, port_id: port.id };
    return (await member.post(`${base}/floatingips`, { floatingip: asked })).floatingip;
  };
  const before = await floatingTo(one.port);
  const address = before.floating_ip_address;
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, address), [one.router.id]);
  refuse(cloud, one.router.id);
  await member.delete(`${base}/floatingips/${before.id}`);
  const after = await floatingTo(two.port);
  t.is(after.floating_ip_address, address);
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, address), [one.router.id]);
  t.is(cloud.engines.network.objects.router.get(two.router.id)?.interfaces.length, 1);
  refuse(cloud);
  await settleUntil(cloud, () => drawnAt(cloud, address)[0] === two.router.id);
  t.deepEqual(drawnAt(cloud, address), [two.router.id]);
  await cloud.settle();
  t.is((await member.get(`${base}/floatingips/${after.id}`)).floatingip.status, 'ACTIVE');
});

test('routers that exchange the addresses of their floating IPs do not wait for each other', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const sides: { port: { id: string }; router: { id: string }; address: string; id: string }[] = [];
  const create = async (portId: string, address?: string) => {
    const floatingip = {
      floating_network_id: external.network.id,
      port_id: portId,
      ...(address && { floating_ip_address: address }),
    };
    const made = (await cloud.as('admin').post(`${base}/floatingips`, { floatingip })).floatingip;
    return { id: made.id as string, address: made.floating_ip_address as string };
  };
  for (const cidr of ['10.0.0.0/24', '10.0.1.0/24']) {
    const { network, subnet } = await makeNetwork(member, cidr);
    const port = await makePort(member, network.id);
    const router = await makeRouter(member, subnet.id, external.network.id);
    sides.push({ port, router, ...(await create(port.id)) });
  }
  const [one, two] = sides as [(typeof sides)[0], (typeof sides)[0]];
  await cloud.settle();
  for (const { id } of sides) await cloud.as('admin').delete(`${base}/floatingips/${id}`);
  await create(one.port.id, two.address);
  await create(two.port.id, one.address);
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, one.address), [two.router.id]);
  t.deepEqual(drawnAt(cloud, two.address), [one.router.id]);
});

test('an address that a port gave up comes to the next one when the first is drawn without it', async (t) => {
  const cloud = await startTestCloud(t);
  const { network } = await makeNetwork(cloud.as('member'));
  const first = await makePort(cloud.as('member'), network.id, { fixed_ips: [{ ip_address: '10.0.0.10' }] });
  await cloud.settle();
  refuse(cloud, first.id);
  await move(cloud, first.id, '10.0.0.11');
  const second = await makePort(cloud.as('member'), network.id, { fixed_ips: [{ ip_address: '10.0.0.10' }] });
  t.is(addressOf(second), '10.0.0.10');
  await move(cloud, first.id, '10.0.0.10', 409);
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, '10.0.0.10'), [first.id]);
  refuse(cloud);
  await settleUntil(cloud, () => drawnAt(cloud, '10.0.0.10')[0] === second.id);
  t.deepEqual(drawnAt(cloud, '10.0.0.10'), [second.id]);
  t.deepEqual(drawnAt(cloud, '10.0.0.11'), [first.id]);
  t.deepEqual(await cloud.db('port_addresses').where({ released: true }), []);
});

test('a port takes back what it gave up, and two exchange their addresses', async (t) => {
  const cloud = await startTestCloud(t);
  const { network } = await makeNetwork(cloud.as('member'));
  const make = (address: string) => makePort(cloud.as('member'), network.id, { fixed_ips: [{ ip_address: address }] });
  const first = await make('10.0.0.10');
  const second = await make('10.0.0.20');
  await cloud.settle();
  await move(cloud, first.id, '10.0.0.11');
  await move(cloud, first.id, '10.0.0.10');
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, '10.0.0.10'), [first.id]);
  await move(cloud, first.id, '10.0.0.11');
  await move(cloud, second.id, '10.0.0.10');
  await move(cloud, first.id, '10.0.0.20');
  await cloud.settle();
  t.deepEqual(drawnAt(cloud, '10.0.0.10'), [second.id]);
  t.deepEqual(drawnAt(cloud, '10.0.0.20'), [first.id]);
  t.deepEqual(await cloud.db('port_addresses').where({ released: true }), []);
});
