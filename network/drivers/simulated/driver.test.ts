import test from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { networkDriverContract } from '../contract.ts';
import { exampleNetwork, examplePort } from '../example-specs.ts';
import { SimulatedNetworkDriver, SimulatedNetworkEngine } from './driver.ts';

networkDriverContract(test, async () => {
  const engine = new SimulatedNetworkEngine();
  return { connect: () => new SimulatedNetworkDriver(engine) };
});

test('a simulated host carries a port when told to, and the listeners hear of it', async (t) => {
  const engine = new SimulatedNetworkEngine();
  const driver = new SimulatedNetworkDriver(engine);
  const network = exampleNetwork();
  const port = examplePort(network.id);
  await driver.ensureNetwork(network);
  await driver.ensurePort(port);
  const heard: string[] = [];
  const stop = driver.onPortStatus((id) => heard.push(id));
  engine.setPortStatus(port.id, 'up');
  t.is(await driver.portStatus(port.id), 'up');
  stop();
  engine.setPortStatus(port.id, 'down');
  t.deepEqual(heard, [port.id]);
});

test('the port of a guest that moves is up while either of its hosts has it', (t) => {
  const engine = new SimulatedNetworkEngine();
  engine.objects.port.set('p', { id: 'p' } as never);
  const heard: string[] = [];
  engine.listen((id) => heard.push(`${id} ${engine.portStatus(id)}`));
  engine.carry('guest', ['p'], 'host-1');
  engine.carry('guest', ['p'], 'host-2');
  engine.carry('guest', [], 'host-1');
  t.is(engine.portStatus('p'), 'up');
  engine.carry('guest', [], 'host-2');
  t.deepEqual(heard, ['p up', 'p down']);
});

test('a simulated engine fails when told to, without doing anything', async (t) => {
  const engine = new SimulatedNetworkEngine();
  const driver = new SimulatedNetworkDriver(engine);
  const network = exampleNetwork();
  engine.fault = (operation, id) =>
    operation === 'ensure' && id === network.id ? new Unavailable('Away.') : undefined;
  await t.throwsAsync(driver.ensureNetwork(network), { instanceOf: Unavailable });
  t.deepEqual(await driver.list('network'), []);
  engine.fault = () => undefined;
  await driver.ensureNetwork(network);
  t.deepEqual(await driver.list('network'), [network.id]);
});
