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
