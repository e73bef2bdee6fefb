import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute, type TestCloud } from '../testing.ts';
import { reconcileThroughDeaths } from './deaths.ts';

const base = '/compute/v2.1/servers';

async function makeNetwork(cloud: TestCloud, name: string, cidr: string): Promise<string> {
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name } });
  await member.post('/network/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr } });
  return network.id;
}

test('interfaces come to a running server by network, address and port, and go again', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const newest = atVersion(member, '2.96');
  const [front, back] = [
    await makeNetwork(cloud, 'front', '10.1.0.0/24'),
    await makeNetwork(cloud, 'back', '10.2.0.0/24'),
  ];
  const id = await createServer({ networks: [{ uuid: front }] });
  await cloud.settle();
  const attach = (interfaceAttachment: object, status = 200) =>
    member.post(`${base}/${id}/os-interface`, { interfaceAttachment }, status);
  const list = async () => (await member.get(`${base}/${id}/os-interface`)).interfaceAttachments;
  const plugged = () => host.servers.get(id)?.spec.ports.map((port) => port.id);

  await cloud.sweep(); // hears that ports are up
  const [first] = await list();
  t.like(first, { net_id: front, port_state: 'ACTIVE' });
  const byAddress = (await attach({ net_id: back, fixed_ips: [{ ip_address: '10.2.0.77' }] })).interfaceAttachment;
  t.deepEqual(Object.keys(byAddress).sort(), ['fixed_ips', 'mac_addr', 'net_id', 'port_id', 'port_state']);
  t.is(byAddress.fixed_ips[0].ip_address, '10.2.0.77');
  const { port } = await member.post('/network/v2.0/ports', { port: { network_id: back } });
  const tagged = { interfaceAttachment: { port_id: port.id, tag: 'storage' } };
  t.is((await newest.post(`${base}/${id}/os-interface`, tagged, 200)).interfaceAttachment.tag, 'storage');
  t.deepEqual(plugged(), [first.port_id]);
  await cloud.settle();
  t.deepEqual(plugged(), [first.port_id, byAddress.port_id, port.id]);
  t.is(host.servers.get(id)?.spec.ports[2]?.tag, 'storage');
  t.is(host.servers.get(id)?.power, 'running');
  await cloud.sweep();
  t.true((await list()).every((one: { port_state: string }) => one.port_state === 'ACTIVE'));
  t.like((await member.get(`/network/v2.0/ports/${port.id}`)).port, {
    device_id: id,
    device_owner: 'compute:nova',
    status: 'ACTIVE',
  });
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  const { interfaceAttachment: shown } = await newest.get(`${base}/${id}/os-interface/${port.id}`);
  t.is(shown.tag, 'storage');

  await member.delete(`${base}/${id}/os-interface/${byAddress.port_id}`, 202);
  await member.delete(`${base}/${id}/os-interface/${port.id}`, 202);
  await member.delete(`${base}/${id}/os-interface/${port.id}`, 404);
  await cloud.settle();
  await cloud.sweep();
  t.deepEqual(plugged(), [first.port_id]);
  await member.get(`/network/v2.0/ports/${byAddress.port_id}`, 404);
  t.like((await member.get(`/network/v2.0/ports/${port.id}`)).port, {
    device_id: '',
    device_owner: '',
    status: 'DOWN',
  });
  await member.delete(`${base}/${id}/os-interface/${first.port_id}`, 202);
  await cloud.settle();
  t.deepEqual([plugged(), await list(), (await show(id)).addresses], [[], [], {}]);
  const { instanceActions } = await member.get(`${base}/${id}/os-instance-actions`);
  t.deepEqual(
    new Set(instanceActions.map((one: { action: string }) => one.action)),
    new Set(['detach_interface', 'attach_interface', 'create']),
  );

  await member.post(`${base}/${id}/action`, { 'os-stop': null }, 202);
  await cloud.settle();
  const whileStopped = (await attach({ net_id: front })).interfaceAttachment;
  await cloud.settle();
  t.deepEqual(plugged(), [whileStopped.port_id]);
  t.is((await show(id)).status, 'SHUTOFF');
});

test('a port that goes in the network service goes from its server', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const front = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const id = await createServer({ networks: [{ uuid: front }, { uuid: front }] });
  await cloud.settle();
  const plugged = () => host.servers.get(id)?.spec.ports.map((port) => port.id) ?? [];
  const [first = '', second = ''] = plugged();
  await member.delete(`/network/v2.0/ports/${first}`);
  await cloud.sweep();
  t.deepEqual(plugged(), [second]);
  t.is((await show(id)).status, 'ACTIVE');
});

test('an interface is refused in the words of Nova, and nothing is left of it', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const [front, back] = [
    await makeNetwork(cloud, 'front', '10.1.0.0/24'),
    await makeNetwork(cloud, 'back', '10.2.0.0/24'),
  ];
  const [id, other] = [
    await createServer({ networks: [{ uuid: front }] }),
    await createServer({ networks: [{ uuid: back }] }),
  ];
  await cloud.settle();
  const { network: foreign } = await stranger.post('/network/v2.0/networks', { network: { name: 'theirs' } });
  const [taken] = (await member.get(`${base}/${other}/os-interface`)).interfaceAttachments;
  const nowhere = randomUUID();
  const cases: [object, number, string | RegExp][] = [
    [{}, 400, 'More than one possible network found. Specify network ID(s) to select which one(s) to connect to.'],
    [{ net_id: nowhere }, 404, `Network ${nowhere} could not be found.`],
    [{ net_id: foreign.id }, 404, `Network ${foreign.id} could not be found.`],
    [{ port_id: nowhere }, 404, `Port ${nowhere} could not be found.`],
    [{ port_id: taken.port_id }, 409, `Port ${taken.port_id} is still in use.`],
    [{ port_id: taken.port_id, net_id: front }, 400, 'Must not input both network_id and port_id'],
    [{ fixed_ips: [{ ip_address: '10.1.0.9' }] }, 400, 'Must input network_id when request IP address'],
    [{ net_id: front, fixed_ips: [{ ip_address: '10.1' }] }, 400, /ip_address/],
    [{ net_id: front, fixed_ips: [{ ip_address: '10.9.0.1' }] }, 400, /10\.9\.0\.1/],
    [{ net_id: back, fixed_ips: [{ ip_address: taken.fixed_ips[0].ip_address }] }, 409, /in use/],
    [{ net_id: front, fixed_ips: [] }, 400, /fixed_ips/],
    [{ net_id: front, tag: 'x' }, 400, /tag/],
    [{ net_id: 'x' }, 400, /net_id/],
    [{ nonsense: 1 }, 400, /nonsense/],
  ];
  for (const [interfaceAttachment, status, message] of cases) {
    const answer = await member.post(`${base}/${id}/os-interface`, { interfaceAttachment }, status);
    const [fault] = Object.values(answer) as { message: string }[];
    if (typeof message === 'string') t.is(fault?.message, message);
    else t.regex(fault?.message ?? '', message);
  }
  const unknown = await member.get(`${base}/${id}/os-interface/${taken.port_id}`, 404);
  t.is(unknown.itemNotFound.message, `Instance ${id} does not have a port with id ${taken.port_id}`);
  await stranger.get(`${base}/${id}/os-interface`, 404);
  await cloud.as('reader').post(`${base}/${id}/os-interface`, { interfaceAttachment: { net_id: front } }, 403);
  t.is((await member.get(`${base}/${id}/os-interface`)).interfaceAttachments.length, 1);
  await member.post(`${base}/${id}/action`, { suspend: null }, 202);
  await cloud.settle();
  const { conflictingRequest } = await member.post(
    `${base}/${id}/os-interface`,
    { interfaceAttachment: { net_id: front } },
    409,
  );
  t.is(conflictingRequest.message, `Cannot 'attach_interface' instance ${id} while it is in vm_state suspended`);
  await member.put(`/network/v2.0/quotas/${member.projectId}`, { quota: { port: 2 } }, 403);
  await cloud.as('admin').put(`/network/v2.0/quotas/${member.projectId}`, { quota: { port: 2 } });
  await member.post(`${base}/${other}/os-interface`, { interfaceAttachment: { net_id: front } }, 403);
});

test('addresses are added to interfaces and taken off', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const front = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const id = await createServer({ networks: [{ uuid: front, fixed_ip: '10.1.0.9' }] });
  await cloud.settle();
  const act = (action: object, status = 202) => member.post(`${base}/${id}/action`, action, status);
  const addresses = async () =>
    (await member.get(`${base}/${id}/ips`)).addresses.front.map((one: { addr: string }) => one.addr);
  await act({ addFixedIp: { networkId: front } });
  await cloud.settle();
  t.is((await addresses()).length, 2);
  await act({ removeFixedIp: { address: '10.1.0.9' } });
  await act({ removeFixedIp: { address: '10.1.0.9' } }, 400);
  await act({ addFixedIp: { networkId: randomUUID() } }, 400);
  await cloud.settle();
  t.is((await addresses()).length, 1);
  t.false((await addresses()).includes('10.1.0.9'));
});

test('an interface comes and goes wherever the process of the host is killed', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const front = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const id = await createServer({ networks: [{ uuid: front }] });
  await cloud.settle();
  const plugged = () => host.servers.get(id)?.spec.ports.map((port) => port.id) ?? [];
  const [first = ''] = plugged();
  const { interfaceAttachment } = await member.post(`${base}/${id}/os-interface`, { interfaceAttachment: {} }, 200);
  t.true((await reconcileThroughDeaths(cloud, id)) >= 4);
  t.deepEqual(plugged(), [first, interfaceAttachment.port_id]);
  await member.delete(`${base}/${id}/os-interface/${first}`, 202);
  t.true((await reconcileThroughDeaths(cloud, id)) >= 4);
  t.deepEqual(plugged(), [interfaceAttachment.port_id]);
  await member.delete(`/network/v2.0/ports/${interfaceAttachment.port_id}`);
  t.true((await reconcileThroughDeaths(cloud, id)) >= 4);
  t.deepEqual(plugged(), []);
  t.is((await show(id)).status, 'ACTIVE');
  t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
});

test('a server takes security groups by name or id and gives them back', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const front = await makeNetwork(cloud, 'front', '10.1.0.0/24');
  const id = await createServer({ networks: [{ uuid: front }] });
  const { security_group: web } = await member.post('/network/v2.0/security-groups', {
    security_group: { name: 'web' },
  });
  const rule = {
    security_group_id: web.id,
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: 80,
    port_range_max: 81,
  };
  const { security_group_rule: http } = await member.post('/network/v2.0/security-group-rules', {
    security_group_rule: rule,
  });
  await cloud.settle();
  const act = (action: object, status = 202) => member.post(`${base}/${id}/action`, action, status);
  const names = async () =>
    (await member.get(`${base}/${id}/os-security-groups`)).security_groups.map((group: { name: string }) => group.name);
  await act({ addSecurityGroup: { name: 'web' } });
  t.deepEqual(await names(), ['default', 'web']);
  const { security_groups: groups } = await member.get(`${base}/${id}/os-security-groups`);
  t.deepEqual(groups[1], {
    id: web.id,
    name: 'web',
    description: '',
    tenant_id: member.projectId,
    rules: [
      {
        id: http.id,
        parent_group_id: web.id,
        ip_protocol: 'tcp',
        from_port: 80,
        to_port: 81,
        group: {},
        ip_range: { cidr: '0.0.0.0/0' },
      },
    ],
  });
  await act({ addSecurityGroup: { name: web.id } }, 400);
  await act({ addSecurityGroup: { name: 'nope' } }, 404);
  await act({ removeSecurityGroup: { name: 'default' } });
  await act({ removeSecurityGroup: { name: 'default' } }, 400);
  t.deepEqual(await names(), ['web']);
  const bare = await createServer({ networks: [] });
  const { port } = await member.get(`/network/v2.0/ports?device_id=${bare}`).then(({ ports }) => ({ port: ports[0] }));
  await member.delete(`/network/v2.0/ports/${port.id}`);
  await member.post(`${base}/${bare}/action`, { addSecurityGroup: { name: 'web' } }, 400);
});
