import { randomUUID } from 'node:crypto';
import test from 'ava';
import { NotReady, type RouterSpec } from '../driver.ts';
import { exampleLeg, exampleNetwork, exampleRouter } from '../example-specs.ts';
import { inOrderOf } from './gateways.ts';
import { routerPortId, routerPortName } from './names.ts';
import { planNetwork } from './networks.ts';
import { planRouter, planRouterRemoval } from './routers.ts';
import { PlannedTables } from './testing/planned.ts';

function setUp() {
  const [inner, external] = [exampleNetwork(), exampleNetwork({ physicalNetwork: 'external' })];
  const tables = new PlannedTables();
  for (const network of [inner, external]) tables.plan((changes) => planNetwork(changes, network));
  const gateway = { ...exampleLeg(external.id, '172.24.4.9'), nextHop: '172.24.4.1', enableSnat: true };
  const router = exampleRouter({ gateway, interfaces: [exampleLeg(inner.id, '10.20.0.1')] });
  const plan = (spec: RouterSpec, hosts = ['host-1']) =>
    tables.plan((changes) => planRouter(changes, spec, () => hosts));
  return { inner, external, gateway, router, tables, plan };
}

test('a router has a leg on each of its networks, plugged into their switches', (t) => {
  const { inner, router, gateway, tables, plan } = setUp();
  plan(router);
  const { portId } = router.interfaces[0]!;
  t.true(tables.row('Logical_Switch', inner.id).ports.has(portId));
  t.deepEqual(tables.row('Logical_Switch_Port', portId).options, { 'router-port': routerPortName(portId) });
  t.deepEqual([...tables.row('Logical_Router_Port', routerPortId(portId)).networks], ['10.20.0.1/24']);
  t.deepEqual(tables.row('Logical_Switch_Port', gateway.portId).options, {
    'router-port': routerPortName(gateway.portId),
    'nat-addresses': 'router',
  });
  t.deepEqual(
    plan(router).operations.filter(({ op }) => op !== 'wait'),
    [],
  );
});

test('inner networks are translated to the gateway address, floating IPs to their own', (t) => {
  const { router, tables, plan } = setUp();
  const floating = {
    id: randomUUID(),
    floatingAddress: '172.24.4.20',
    fixedAddress: '10.20.0.5',
    portId: randomUUID(),
  };
  plan({ ...router, floatingIps: [floating] });
  const translations = () => {
    const { nat } = tables.row('Logical_Router', router.id);
    return [...nat].map((id) => Object.values(tables.row('NAT', id)).slice(0, 3).join(' ')).sort();
  };
  t.deepEqual(translations(), ['dnat_and_snat 172.24.4.20 10.20.0.5', 'snat 172.24.4.9 10.20.0.0/24']);
  plan({ ...router, gateway: { ...router.gateway!, enableSnat: false } });
  t.deepEqual(translations(), []);
});

test('routes are those of the spec and the default one', (t) => {
  const { router, tables, plan } = setUp();
  plan({ ...router, routes: [{ destination: '198.51.100.77/24', nexthop: '10.20.0.9' }] });
  const routes = () => {
    const { static_routes } = tables.row('Logical_Router', router.id);
    return [...static_routes].map((id) => tables.row('Logical_Router_Static_Route', id).ip_prefix).sort();
  };
  t.deepEqual(routes(), ['0.0.0.0/0', '198.51.100.0/24']);
  plan({ ...router, gateway: { ...router.gateway!, nextHop: null } });
  t.deepEqual(routes(), []);
});

test('the gateway is on the hosts that reach the external network, in their order', (t) => {
  const { router, gateway, tables, plan } = setUp();
  const hosts = () => {
    const { gateway_chassis } = tables.row('Logical_Router_Port', routerPortId(gateway.portId));
    const rows = [...gateway_chassis].map((id) => tables.row('Gateway_Chassis', id));
    return rows.sort((a, b) => b.priority - a.priority).map(({ chassis_name }) => chassis_name);
  };
  plan(router, ['b', 'a']);
  t.deepEqual(hosts(), ['b', 'a']);
  plan(router, ['c', 'b']);
  t.deepEqual(hosts(), ['c', 'b']);
  t.throws(() => plan(router, []), { instanceOf: NotReady });
  t.deepEqual(hosts(), ['c', 'b']);
});

test('a host that leaves moves only the routers that it carried', (t) => {
  const hosts = ['a', 'b', 'c', 'd'];
  for (let round = 0; round < 50; round++) {
    const id = randomUUID();
    const before = inOrderOf(hosts, id);
    t.deepEqual(inOrderOf(hosts.toReversed(), id), before);
    t.deepEqual(
      inOrderOf(
        hosts.filter((host) => host !== 'b'),
        id,
      ),
      before.filter((host) => host !== 'b'),
    );
  }
});

test('a leg that is no longer wanted leaves both its ends, and a removed router all of them', (t) => {
  const { inner, external, router, tables, plan } = setUp();
  plan(router);
  plan({ ...router, interfaces: [] });
  t.is(tables.row('Logical_Switch', inner.id).ports.size, 1, 'where metadata is');
  t.is(tables.row('Logical_Router', router.id).ports.size, 1);
  tables.plan((changes) => planRouterRemoval(changes, router.id));
  t.is(tables.row('Logical_Switch', external.id).ports.size, 2, 'so is that to the bridge');
  t.is(tables.replica.find('Logical_Router', router.id), undefined);
});
