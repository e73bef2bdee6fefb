import test from 'ava';
import { exampleNetwork } from '../example-specs.ts';
import { planNetwork, planNetworkRemoval } from './networks.ts';
import { PlannedTables } from './testing/planned.ts';

test('a provider network has a port to the hosts’ bridge for as long as it is one', (t) => {
  const spec = exampleNetwork({ physicalNetwork: 'external' });
  const tables = new PlannedTables().plan((changes) => planNetwork(changes, spec));
  const [portId] = [...tables.row('Logical_Switch', spec.id).ports];
  const port = tables.row('Logical_Switch_Port', portId!);
  t.is(port.type, 'localnet');
  t.deepEqual(port.options, { network_name: 'external' });
  t.not(portId, spec.id);
  tables.plan((changes) => planNetwork(changes, { ...spec, physicalNetwork: null }));
  t.is(tables.row('Logical_Switch', spec.id).ports.size, 0);
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
