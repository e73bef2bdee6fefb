/** Guests on a network of an OVN host of the test's own, and what they can reach. */
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { PortSpec, SecurityGroupRuleSpec } from '../../driver.ts';
import { exampleGroup, exampleNetwork, examplePort, exampleRule, exampleSubnet } from '../../example-specs.ts';
import { OvnDriver } from '../driver.ts';
import { type Guest, PrivateOvn } from './private-ovn.ts';
import { until } from './until.ts';

export const PRINT_LEASE = fileURLToPath(new URL('print-lease.sh', import.meta.url));

export const anyEgress = () => exampleRule({ direction: 'egress' });
export const icmpIngress = () => exampleRule({ protocol: 'icmp' });
export const tcpIngress = (port: number) => exampleRule({ protocol: 'tcp', portRangeMin: port, portRangeMax: port });

/** An OVN host with a driver, and a network of two guests whose group has the given rules. */
export async function setUp(t: ExecutionContext, rules: SecurityGroupRuleSpec[] = [anyEgress(), icmpIngress()]) {
  t.timeout(120_000);
  const ovn = await PrivateOvn.start(t);
  const driver = new OvnDriver({ northbound: ovn.northbound, gateways: { southbound: ovn.southbound } });
  t.teardown(() => driver.close());
  const network = exampleNetwork();
  const subnet = exampleSubnet(network.id);
  const group = exampleGroup(...rules);
  await driver.ensureNetwork(network);
  await driver.ensureSubnet(subnet);
  await driver.ensureSecurityGroup(group);
  const newPort = (address: string, more: Partial<PortSpec> = {}) =>
    examplePort(network.id, {
      fixedIps: [{ subnetId: subnet.id, address }],
      securityGroupIds: [group.id],
      ...more,
    });
  const plug = async (port: PortSpec) => {
    await driver.ensurePort(port);
    const guest = await ovn.plug(port);
    await until('the port is up', async () => (await driver.portStatus(port.id)) === 'up');
    return guest;
  };
  return { ovn, driver, network, subnet, group, newPort, plug };
}

export const address = (guest: Guest, cidr: string) => guest.run('ip', 'address', 'add', cidr, 'dev', 'eth0');

export const reaches = async (guest: Guest, target: string) => {
  try {
    await guest.run('ping', '-c', '1', '-W', '1', target);
    return true;
  } catch {
    return false;
  }
};

// Node rather than busybox, whose wget crashes (1.35 of Debian 12, linked statically).
const SERVER = "require('http').createServer((_, answer) => answer.end('x'.repeat(1e5))).listen(process.argv[1])";
const CLIENT =
  "fetch('http://' + process.argv[1], { signal: AbortSignal.timeout(1500) }).then((r) => r.text()).then((text) => process.exit(text.length === 1e5 ? 0 : 1))";

/** A web server with something to fetch that takes many packets. */
export const serve = (guest: Guest, port: number) => guest.start(process.execPath, '-e', SERVER, String(port));

export const fetches = async (guest: Guest, target: string) => {
  try {
    await guest.run(process.execPath, '-e', CLIENT, target);
    return true;
  } catch {
    return false;
  }
};

/** Three lost in a row: not merely slow. */
export const isCutOff = async (guest: Guest, target: string) => {
  for (let attempt = 0; attempt < 3; attempt++) if (await reaches(guest, target)) return false;
  return true;
};
