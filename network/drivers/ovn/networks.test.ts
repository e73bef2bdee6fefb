import test from 'ava';
import { exampleNetwork } from '../example-specs.ts';
import { planNetwork, planNetworkRemoval } from './networks.ts';
import { PlannedTables } from './testing/planned.ts';

test('a provider network has a port to the hosts’ bridge for as long as it is one', (t) => {
  const spec = exampleNetwork({ physicalNetwork: 'external' });
  const tables = new PlannedTables().plan((changes) => planNetwork(changes, spec));
  const ports = () =>
    [...tables.row('Logical_Switch', spec.id).ports].map((id) => tables.row('Logical_Switch_Port', id));
  t.deepEqual(
    ports().map(({ type }) => type),
    ['localport', 'localnet'],
  );
  t.deepEqual(ports()[1]!.options, { network_name: 'external' });
  t.false(tables.row('Logical_Switch', spec.id).ports.has(spec.id));
  tables.plan((changes) => planNetwork(changes, { ...spec, physicalNetwork: null }));
  t.deepEqual(
    ports().map(({ type }) => type),
    ['localport'],
  );
});

test('a network has a port where guests find metadata, on whichever host they are', (t) => {
  const spec = exampleNetwork();
  const tables = new PlannedTables().plan((changes) => planNetwork(changes, spec));
  const [port] = tables.all('Logical_Switch_Port');
  t.is(port?.name, `cs-meta-${spec.id}`);
  t.regex([...port!.addresses].join(), /^0a(:[0-9a-f]{2}){5} 169\.254\.169\.254$/);
});

test('a network that is down drops everything, and nothing of it stays when it is up again', (t) => {
  const spec = exampleNetwork();
  const tables = new PlannedTables().plan((changes) => planNetwork(changes, { ...spec, adminStateUp: false }));
  t.deepEqual(
    tables.all('ACL').map(({ action, match }) => `${action} ${match}`),
    ['drop 1', 'drop 1'],
  );
  tables.plan((changes) => planNetwork(changes, spec));
  t.is(tables.row('Logical_Switch', spec.id).acls.size, 0);
});

test('what is there already costs no operation, and what is gone neither', (t) => {
  const spec = exampleNetwork({ physicalNetwork: 'external', adminStateUp: false });
  const tables = new PlannedTables().plan((changes) => planNetwork(changes, spec));
  t.deepEqual(tables.plan((changes) => planNetwork(changes, spec)).operations, []);
  tables.plan((changes) => planNetworkRemoval(changes, spec.id));
  t.deepEqual(tables.plan((changes) => planNetworkRemoval(changes, spec.id)).operations, []);
});
