import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { createPort } from '../ports.ts';
import { base, makeExternal, makeNetwork, makePort, makeRouter } from '../testing/topology.ts';

test('a router is drawn with its legs, source translation and routes, and taken apart again', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const { network, subnet } = await makeNetwork(member);
  const { id } = await makeRouter(member, subnet.id, external.network.id);
  const path = `${base}/routers/${id}`;
  const { router } = await member.put(path, {
    router: { routes: [{ destination: '10.8.0.0/16', nexthop: '10.0.0.9' }] },
  });
  t.is(router.external_gateway_info.network_id, external.network.id);
  t.true(router.external_gateway_info.enable_snat);
  const [{ ip_address: outside }] = router.external_gateway_info.external_fixed_ips;
  await cloud.settle();
  const drawn = cloud.engines.network.objects.router.get(id);
  t.like(drawn?.gateway, {
    enableSnat: true,
    nextHop: '172.24.4.1',
    addresses: [{ address: outside, prefixLength: 24 }],
  });
  t.like(drawn?.interfaces[0], { networkId: network.id, addresses: [{ address: '10.0.0.1', prefixLength: 24 }] });
  t.deepEqual(drawn?.routes, [{ destination: '10.8.0.0/16', nexthop: '10.0.0.9' }]);
  const { ports } = await member.get(`${base}/ports?device_owner=network:router_interface`);
  t.like(ports[0], { status: 'ACTIVE', device_id: id, fixed_ips: [{ ip_address: '10.0.0.1' }] });
  t.is((await member.delete(`${base}/ports/${ports[0].id}`, 409)).NeutronError.type, 'ServicePortInUse');
  t.is((await member.delete(path, 409)).NeutronError.type, 'RouterInUse');
  t.is(
    (await member.put(`${path}/remove_router_interface`, { subnet_id: subnet.id }, 409)).NeutronError.type,
    'Conflict',
  );
  await member.put(`${path}/remove_extraroutes`, {
    router: { routes: [{ destination: '10.8.0.0/16', nexthop: '10.0.0.9' }] },
  });
  const removed = await member.put(`${path}/remove_router_interface`, { subnet_id: subnet.id });
  t.like(removed, { id, subnet_id: subnet.id, port_id: ports[0].id });
  await member.delete(path);
  await member.get(path, 404);
  await cloud.settle();
  t.is(cloud.engines.network.objects.router.size, 0);
  t.deepEqual(await cloud.db('ports'), []);
  t.deepEqual(await cloud.db('routers'), []);
});

test('routers that cannot work are refused by name', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const external = await makeExternal(cloud);
  const { network, subnet } = await makeNetwork(member);
  const { subnet: same } = await makeNetwork(member, '10.0.0.0/16');
  const { network: foreign, subnet: foreignSubnet } = await makeNetwork(stranger, '10.3.0.0/24');
  const { id } = await makeRouter(member, subnet.id);
  const path = `${base}/routers/${id}`;
  const add = (body: object, status: number) => member.put(`${path}/add_router_interface`, body, status);
  await add({ subnet_id: subnet.id }, 400);
  await add({ subnet_id: same.id }, 400);
  await add({}, 400);
  await add({ subnet_id: foreignSubnet.id }, 404);
  await add({ subnet_id: external.subnet.id }, 403);
  await add({ port_id: (await makePort(stranger, foreign.id)).id }, 404);
  await add({ port_id: (await makePort(member, network.id)).id }, 400);
  const gateway = (info: object, status: number) =>
    member.put(path, { router: { external_gateway_info: info } }, status);
  await gateway({ network_id: network.id }, 400);
  await gateway({ network_id: foreign.id }, 404);
  await gateway({ enable_snat: true }, 400);
  await gateway({ network_id: external.network.id, enable_snat: false }, 403);
  await gateway({ network_id: external.network.id, external_fixed_ips: [{ ip_address: '172.24.4.105' }] }, 403);
  const routes = (destination: string, nexthop: string) =>
    member.put(path, { router: { routes: [{ destination, nexthop }] } }, 400);
  await routes('10.8.0.0/16', '10.99.0.1');
  await routes('10.8.0.0/16', '10.0.0.1');
  await routes('x', '10.0.0.9');
  for (const verb of ['put', 'delete'] as const)
    await (verb === 'put' ? stranger.put(path, { router: { name: 'x' } }, 404) : stranger.delete(path, 404));
  await stranger.put(`${path}/add_router_interface`, { subnet_id: foreignSubnet.id }, 404);
  await member.put(`${path}/remove_router_interface`, { subnet_id: same.id }, 404);
});

test('nobody captures the gateway of a network that was only shared with them', async (t) => {
  const cloud = await startTestCloud(t);
  const stranger = cloud.as('stranger');
  const { network, subnet } = await makeNetwork(cloud.as('admin'), '10.2.0.0/24', { shared: true });
  const { router } = await stranger.post(`${base}/routers`, { router: {} });
  const add = `${base}/routers/${router.id}/add_router_interface`;
  await stranger.put(add, { subnet_id: subnet.id }, 403);
  const port = await makePort(stranger, network.id);
  t.like(await stranger.put(add, { port_id: port.id }), { port_id: port.id, subnet_id: subnet.id });
});

test('a port given to a router stops being a guest’s', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const port = await makePort(member, network.id, { fixed_ips: [{ ip_address: '10.0.0.99' }] });
  await cloud.settle();
  t.true(cloud.engines.network.objects.port.has(port.id));
  const { router } = await member.post(`${base}/routers`, { router: {} });
  await member.put(`${base}/routers/${router.id}/add_router_interface`, { port_id: port.id });
  await cloud.settle();
  t.false(cloud.engines.network.objects.port.has(port.id));
  t.is(cloud.engines.network.objects.router.get(router.id)?.interfaces[0]?.portId, port.id);
});

test('a floating IP is translated once associated, and lost with its port', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  const create = (more: object = {}, status = 201) =>
    member.post(`${base}/floatingips`, { floatingip: { floating_network_id: external.network.id, ...more } }, status);
  const { floatingip } = await create();
  t.like(floatingip, { status: 'DOWN', port_id: null, router_id: null, fixed_ip_address: null });
  const path = `${base}/floatingips/${floatingip.id}`;
  const unreachable = await member.put(path, { floatingip: { port_id: port.id } }, 404);
  t.is(unreachable.NeutronError.type, 'ExternalGatewayForFloatingIPNotFound');
  const { id } = await makeRouter(member, subnet.id, external.network.id);
  const { floatingip: associated } = await member.put(path, { floatingip: { port_id: port.id } });
  t.like(associated, {
    status: 'DOWN',
    port_id: port.id,
    router_id: id,
    fixed_ip_address: port.fixed_ips[0].ip_address,
  });
  await cloud.settle();
  t.is((await member.get(path)).floatingip.status, 'ACTIVE');
  t.deepEqual(cloud.engines.network.objects.router.get(id)?.floatingIps, [
    {
      id: floatingip.id,
      floatingAddress: floatingip.floating_ip_address,
      fixedAddress: port.fixed_ips[0].ip_address,
      portId: port.id,
    },
  ]);
  t.is((await create({ port_id: port.id }, 409)).NeutronError.type, 'FloatingIPPortAlreadyAssociated');
  const interfaceUsed = await member.put(
    `${base}/routers/${id}/remove_router_interface`,
    { subnet_id: subnet.id },
    409,
  );
  t.is(interfaceUsed.NeutronError.type, 'RouterInterfaceInUseByFloatingIP');
  const gatewayUsed = await member.put(`${base}/routers/${id}`, { router: { external_gateway_info: null } }, 409);
  t.is(gatewayUsed.NeutronError.type, 'RouterExternalGatewayInUseByFloatingIp');
  await member.delete(`${base}/ports/${port.id}`);
  t.like((await member.get(path)).floatingip, { port_id: null, status: 'DOWN' });
  await cloud.settle();
  t.deepEqual(cloud.engines.network.objects.router.get(id)?.floatingIps, []);
  await member.delete(path);
  await cloud.settle();
  t.deepEqual(await cloud.db('ports').where({ device_owner: 'network:floatingip' }), []);
});

test('floating IPs of others, and addresses one may not choose, are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const external = await makeExternal(cloud, { start: '172.24.4.100', end: '172.24.4.101' });
  const { network } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  const body = (more: object) => ({ floatingip: { floating_network_id: external.network.id, ...more } });
  await member.post(`${base}/floatingips`, body({ floating_ip_address: '172.24.4.100' }), 403);
  await member.post(`${base}/floatingips`, body({ floating_network_id: network.id }), 400);
  await stranger.post(`${base}/floatingips`, body({ port_id: port.id }), 404);
  await stranger.post(`${base}/floatingips`, body({ subnet_id: network.id }), 404);
  const { floatingip } = await admin.post(
    `${base}/floatingips`,
    body({ floating_ip_address: '172.24.4.100', project_id: member.projectId }),
  );
  t.is(floatingip.floating_ip_address, '172.24.4.100');
  await member.get(`${base}/floatingips/${floatingip.id}`);
  for (const status of [404])
    await stranger.put(`${base}/floatingips/${floatingip.id}`, { floatingip: { port_id: null } }, status);
  await stranger.delete(`${base}/floatingips/${floatingip.id}`, 404);
  await member.post(`${base}/floatingips`, body({}));
  t.is((await member.post(`${base}/floatingips`, body({}), 400)).NeutronError.type, 'ExternalIpAddressExhausted');
  t.is((await member.get(`${base}/floatingips?floating_ip_address=172.24.4.100`)).floatingips.length, 1);
});

test('a guest’s floating IP goes when the guest’s port does', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const { network, subnet } = await makeNetwork(member);
  await makeRouter(member, subnet.id, external.network.id);
  const { id } = await cloud.db.transaction((trx) =>
    createPort(trx, {
      projectId: member.projectId,
      visible: { projectId: member.projectId },
      networkId: network.id,
      deviceId: 'guest-1',
      deviceOwner: 'compute:nova',
      hostName: 'host-1',
    }),
  );
  const body = { floatingip: { floating_network_id: external.network.id, port_id: id } };
  const { floatingip } = await member.post(`${base}/floatingips`, body);
  await member.delete(`${base}/ports/${id}`);
  t.is((await member.get(`${base}/floatingips/${floatingip.id}`)).floatingip.port_id, null);
});

test('routers are found by their external network', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const { subnet } = await makeNetwork(member);
  const { id } = await makeRouter(member, subnet.id, external.network.id);
  await member.post(`${base}/routers`, { router: { name: 'other' } });
  const query = `external_gateway_info=network_id=${external.network.id}`;
  t.deepEqual(
    (await member.get(`${base}/routers?${query}`)).routers.map((one: { id: string }) => one.id),
    [id],
  );
});
