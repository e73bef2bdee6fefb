import test from 'ava';
import { prepareCompute } from '../../compute/testing.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { makeNetwork } from '../testing/topology.ts';

test('a network has a door for as long as it has guests on the host, whatever fails or dies meanwhile', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const { doors } = cloud.engines;
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  await member.post('/network/v2.0/ports', { port: { network_id: network.id } });
  await cloud.settle();
  t.is(doors.doors.size, 0, 'a port without a guest needs none');

  let failures = 1;
  doors.fault = () => (failures-- > 0 ? new Error('killed') : undefined);
  const ids = [
    await createServer({ networks: [{ uuid: network.id }] }),
    await createServer({ networks: [{ uuid: network.id }] }),
  ];
  await cloud.settle();
  await cloud.settle();
  t.deepEqual([...doors.doors.values()], [{ networkId: network.id, mtu: network.mtu }]);

  await cloud.as('admin').put(`/network/v2.0/networks/${network.id}`, { network: { mtu: 1300 } });
  await cloud.sweep();
  await cloud.settle();
  t.is(doors.doors.get(network.id)?.mtu, 1300);

  doors.doors.delete(network.id); // behind our back
  doors.doors.set('b0b8f1a0-0000-4000-8000-000000000001', { networkId: 'x', mtu: 1 }); // nobody's
  await cloud.sweep();
  await cloud.settle();
  t.deepEqual([...doors.doors.keys()], [network.id]);

  await member.delete(`/compute/v2.1/servers/${ids[0]}`);
  await cloud.settle();
  t.is(doors.doors.size, 1);
  failures = 1;
  await member.delete(`/compute/v2.1/servers/${ids[1]}`);
  await cloud.settle();
  await cloud.sweep();
  await cloud.settle();
  t.is(doors.doors.size, 0);
});

test('guests of other hosts are the business of those', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const { network } = await makeNetwork(cloud.as('member'));
  await createServer({ networks: [{ uuid: network.id }] });
  await cloud.db('ports').update({ host_name: 'host-2' });
  await cloud.settle();
  await cloud.sweep();
  t.is(cloud.engines.doors.doors.size, 0);
});
