import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const base = '/network/v2.0';

test('a network is drawn on the engine, shown, renamed and gone', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: { name: 'n1' } });
  t.like(network, { name: 'n1', status: 'ACTIVE', mtu: 1442, shared: false, 'router:external': false, subnets: [] });
  t.is(network.project_id, member.projectId);
  t.false('provider:network_type' in network);
  await cloud.settle();
  t.is(cloud.engines.network.objects.network.get(network.id)?.name, 'n1');
  const { network: renamed } = await member.put(`${base}/networks/${network.id}`, { network: { name: 'n2' } });
  t.is(renamed.revision_number, network.revision_number + 1);
  await cloud.settle();
  t.is(cloud.engines.network.objects.network.get(network.id)?.name, 'n2');
  await member.delete(`${base}/networks/${network.id}`);
  const gone = await member.get(`${base}/networks/${network.id}`, 404);
  t.is(gone.NeutronError.type, 'NetworkNotFound');
  await cloud.settle();
  t.false(cloud.engines.network.objects.network.has(network.id));
  t.deepEqual(await cloud.db('networks').where({ id: network.id }), []);
});
