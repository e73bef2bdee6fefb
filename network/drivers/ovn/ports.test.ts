import { randomUUID } from 'node:crypto';
import test from 'ava';
import { exampleGroup, exampleNetwork, examplePort } from '../example-specs.ts';
import { PROTECTED_PORTS_ID } from './names.ts';
import { planNetwork } from './networks.ts';
import { planPort, planPortRemoval, portAddresses, portSecurity } from './ports.ts';
import { planSecurityGroup } from './security-groups.ts';
import { PlannedTables } from './testing/planned.ts';

const MAC = 'fa:16:3e:00:00:05';
const port = examplePort(randomUUID(), {
  macAddress: MAC,
  fixedIps: [
    { subnetId: randomUUID(), address: '10.20.0.5' },
    { subnetId: randomUUID(), address: '2001:DB8:0::5' },
  ],
});

test('a port may send from its own addresses', (t) => {
  t.deepEqual(portSecurity(port), [`${MAC} 10.20.0.5 2001:db8::5`]);
  t.deepEqual(portAddresses(port), [`${MAC} 10.20.0.5 2001:db8::5`]);
});

test('allowed address pairs add to it, each to its own MAC', (t) => {
  const allowedAddressPairs = [
    { address: '10.20.0.9', macAddress: null },
    { address: '10.20.1.77/24', macAddress: MAC.toUpperCase() },
    { address: '10.20.0.80/32', macAddress: '00:00:5e:00:01:07' },
  ];
  const spec = { ...port, allowedAddressPairs };
  t.deepEqual(portSecurity(spec), [
    `${MAC} 10.20.0.5 2001:db8::5 10.20.0.9 10.20.1.0/24`,
    '00:00:5e:00:01:07 10.20.0.80',
  ]);
  t.deepEqual(portAddresses(spec), [`${MAC} 10.20.0.5 2001:db8::5`, '00:00:5e:00:01:07']);
});

test('a port without addresses may send from none', (t) => {
  t.deepEqual(portSecurity({ ...port, fixedIps: [] }), [`${MAC} 0.0.0.0`]);
  t.deepEqual(portAddresses({ ...port, fixedIps: [] }), [MAC]);
});

test('a port without port security may send anything, and gets what nobody else claims', (t) => {
  const spec = { ...port, portSecurityEnabled: false };
  t.deepEqual(portSecurity(spec), []);
  t.deepEqual(portAddresses(spec), [`${MAC} 10.20.0.5 2001:db8::5`, 'unknown']);
});

test('a port is in the group of protected ports and in its own, and leaves those it left', (t) => {
  const network = exampleNetwork();
  const [a, b] = [exampleGroup(), exampleGroup()];
  const spec = examplePort(network.id, { securityGroupIds: [a.id] });
  const tables = new PlannedTables().plan((changes) => {
    planNetwork(changes, network);
    planSecurityGroup(changes, a);
    planSecurityGroup(changes, b);
  });
  const groups = () => [a.id, b.id, PROTECTED_PORTS_ID].map((id) => tables.row('Port_Group', id).ports.has(spec.id));
  tables.plan((changes) => planPort(changes, spec));
  t.deepEqual(groups(), [true, false, true]);
  tables.plan((changes) => planPort(changes, { ...spec, securityGroupIds: [b.id] }));
  t.deepEqual(groups(), [false, true, true]);
  tables.plan((changes) => planPort(changes, { ...spec, securityGroupIds: [b.id], portSecurityEnabled: false }));
  t.deepEqual(groups(), [false, false, false]);
  tables.plan((changes) => planPortRemoval(changes, spec.id));
  t.false(tables.row('Logical_Switch', network.id).ports.has(spec.id));
});
