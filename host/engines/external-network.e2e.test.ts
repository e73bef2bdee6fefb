/** The way to the world, on the engines of this host. */
import test from 'ava';
import { execute } from '../execute.ts';
import { contextOf, readSettings } from '../options.ts';
import { externalNetwork } from './external-network.ts';
import { externalBridge } from './ovs.ts';

test('an interface that a killed switch left behind is not taken for the bridge', async (t) => {
  const dataDir = process.env.CIRROSTACK_TEST_DATA_DIR;
  if (dataDir === undefined) throw new Error('CIRROSTACK_TEST_DATA_DIR is not set: run this with bin/test');
  const context = contextOf(dataDir, await readSettings(dataDir));
  t.true(await externalNetwork.answers(context), 'the runner has started it');

  const address = `${context.externalGateway}/${context.externalCidr.split('/')[1]}`;
  await execute('ovs-vsctl', ['--timeout=10', 'del-br', externalBridge]);
  await execute('ip', ['tuntap', 'add', externalBridge, 'mode', 'tap']);
  await execute('ip', ['address', 'add', address, 'dev', externalBridge]);
  await execute('ip', ['link', 'set', externalBridge, 'up']);
  try {
    const [bridge] = await externalNetwork.check(context);
    t.is(bridge?.level, 'fail');
    t.is(bridge?.found, `Open vSwitch has no ${externalBridge}`);
  } finally {
    t.not(await externalNetwork.start(context), 'already there');
  }
  t.true(await externalNetwork.answers(context), 'its place is taken by the bridge');
});
