import test from 'ava';
import { exampleNetwork, examplePort, exampleSubnet } from '../example-specs.ts';
import { planNetwork } from './networks.ts';
import { planPort } from './ports.ts';
import { planSubnet } from './subnets.ts';
import { PlannedTables } from './testing/planned.ts';

function setUp() {
  const network = exampleNetwork();
  return { network, tables: new PlannedTables().plan((changes) => planNetwork(changes, network)) };
}

test('a subnet hands out what its spec says', (t) => {
  const { network, tables } = setUp();
  const spec = exampleSubnet(network.id, {
    dnsNameservers: ['192.0.2.53', '192.0.2.54'],
    hostRoutes: [{ destination: '198.51.100.77/24', nexthop: '10.20.0.9' }],
  });
  tables.plan((changes) => planSubnet(changes, spec));
  const { cidr, options } = tables.row('DHCP_Options', spec.id);
  const { server_mac, ...rest } = options;
  t.is(cidr, '10.20.0.0/24');
  t.regex(server_mac!, /^0a(:[0-9a-f]{2}){5}$/);
  t.deepEqual(rest, {
    server_id: '10.20.0.1',
    lease_time: '43200',
    mtu: '1442',
    router: '10.20.0.1',
    dns_server: '{192.0.2.53, 192.0.2.54}',
    classless_static_route: '{198.51.100.0/24,10.20.0.9, 169.254.169.254/32,0.0.0.0, 0.0.0.0/0,10.20.0.1}',
  });
});

test('a subnet without a gateway hands out none', (t) => {
  const { network, tables } = setUp();
  const spec = exampleSubnet(network.id, { gatewayIp: null, dnsNameservers: [] });
  tables.plan((changes) => planSubnet(changes, spec));
  const { options } = tables.row('DHCP_Options', spec.id);
  t.deepEqual(Object.keys(options).sort(), ['classless_static_route', 'lease_time', 'mtu', 'server_id', 'server_mac']);
  t.is(options.classless_static_route, '{169.254.169.254/32,0.0.0.0}', 'metadata needs no router');
});

test('ports follow when their subnet starts or ends to serve DHCP', (t) => {
  const { network, tables } = setUp();
  const [v4, second, v6] = [
    exampleSubnet(network.id),
    exampleSubnet(network.id, { cidr: '10.30.0.0/24', gatewayIp: null }),
    exampleSubnet(network.id, { cidr: '2001:db8::/64', gatewayIp: null, dnsNameservers: [] }),
  ];
  for (const subnet of [v4, second, v6]) tables.plan((changes) => planSubnet(changes, subnet));
  const fixedIps = [v6, v4, second].map(({ id }, at) => ({
    subnetId: id,
    address: ['2001:db8::5', '10.20.0.5', '10.30.0.5'][at]!,
  }));
  const port = examplePort(network.id, { fixedIps });
  tables.plan((changes) => planPort(changes, port));
  const dhcp = () => {
    const { dhcpv4_options, dhcpv6_options } = tables.row('Logical_Switch_Port', port.id);
    return [dhcpv4_options, dhcpv6_options];
  };
  t.deepEqual(dhcp(), [v4.id, v6.id]);
  tables.plan((changes) => planSubnet(changes, { ...v4, enableDhcp: false }));
  t.deepEqual(dhcp(), [second.id, v6.id]);
  t.deepEqual(
    tables.plan((changes) => planPort(changes, port)).operations.filter(({ op }) => op !== 'wait'),
    [],
  );
  tables.plan((changes) => planSubnet(changes, { ...v6, enableDhcp: false }));
  tables.plan((changes) => planSubnet(changes, v4));
  t.deepEqual(dhcp(), [v4.id, null]);
});
