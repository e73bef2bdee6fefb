/** The contract on a northbound database alone: what OVN makes of it is for driver.e2e.test.ts to see. */
import test from 'ava';
import { networkDriverContract } from '../contract.ts';
import { OvnDriver } from './driver.ts';
import { startPrivateOvsdb } from './testing/private-ovsdb.ts';

networkDriverContract(test, async (t) => {
  const server = await startPrivateOvsdb();
  t.teardown(() => server.remove());
  return {
    connect() {
      const driver = new OvnDriver({ northbound: server.address, gateways: { chassis: ['host-1'] } });
      t.teardown(() => driver.close());
      return driver;
    },
  };
});
