import { randomUUID } from 'node:crypto';
import test from 'ava';
import { PermanentFailure } from '../common/errors.ts';
import { startTestCloud, type TestCloud } from '../tests/cloud.ts';
import { base, makeExternal, makeNetwork, makePort, makeRouter } from './testing/topology.ts';

const kinds = ['network', 'subnet', 'port', 'router', 'security-group'] as const;
const tables = ['networks', 'subnets', 'ports', 'routers', 'security_groups'] as const;

/** A network, subnet, port, router with gateway and floating IP. */
async function makeAll(cloud: TestCloud) {
  const member = cloud.as('member');
  const external = await makeExternal(cloud);
  const { network, subnet } = await makeNetwork(member);
  const port = await makePort(member, network.id);
  const router = await makeRouter(member, subnet.id, external.network.id);
  const { floatingip } = await member.post(`${base}/floatingips`, {
    floatingip: { floating_network_id: external.network.id, port_id: port.id },
  });
  return { external, network, subnet, port, router, floatingip };
}

async function deleteAll(cloud: TestCloud, made: Awaited<ReturnType<typeof makeAll>>): Promise<void> {
  const member = cloud.as('member');
  await member.delete(`${base}/floatingips/${made.floatingip.id}`);
  await member.put(`${base}/routers/${made.router.id}/remove_router_interface`, { subnet_id: made.subnet.id });
  await member.delete(`${base}/routers/${made.router.id}`);
  await member.delete(`${base}/ports/${made.port.id}`);
  await member.delete(`${base}/networks/${made.network.id}`);
  await cloud.as('admin').delete(`${base}/networks/${made.external.network.id}`);
}

async function unsettled(cloud: TestCloud): Promise<string[]> {
  const lists = await Promise.all(
    tables.map((table) =>
      cloud.db(table).whereRaw('settled_revision <> revision or deletion_requested_at is not null').pluck('id'),
    ),
  );
  return lists.flat();
}

test('everything settles whatever fails on the way, and each call may fail once', async (t) => {
  const cloud = await startTestCloud(t);
  const seen = new Set<string>();
  let died = 0;
  // Each call dies the first time: before it did anything, which is also what a kill between any two lines comes to.
  cloud.engines.network.fault = (operation, id) => {
    const call = `${operation} ${id}`;
    if (operation === 'status' || seen.has(call)) return undefined;
    seen.add(call);
    died += 1;
    return new Error('killed');
  };
  const made = await makeAll(cloud);
  for (let pass = 0; pass < 20 && (await unsettled(cloud)).length > 0; pass += 1) await cloud.settle();
  t.deepEqual(await unsettled(cloud), []);
  const router = cloud.engines.network.objects.router.get(made.router.id);
  t.is(router?.floatingIps.length, 1);
  await deleteAll(cloud, made);
  for (let pass = 0; pass < 20 && (await unsettled(cloud)).length > 0; pass += 1) await cloud.settle();
  t.true(died > 10);
  for (const kind of kinds.slice(0, 4)) t.is(cloud.engines.network.objects[kind].size, 0, kind);
  for (const table of tables.slice(0, 4)) t.deepEqual(await cloud.db(table), [], table);
  t.deepEqual(await cloud.db('port_addresses'), []);
});

test('work that was done but not recorded is done again and changes nothing', async (t) => {
  const cloud = await startTestCloud(t);
  await makeAll(cloud);
  await cloud.settle();
  const before = structuredClone(cloud.engines.network.objects);
  for (const table of tables) await cloud.db(table).update({ settled_revision: 0 });
  await cloud.settle();
  t.deepEqual(await unsettled(cloud), []);
  t.deepEqual(cloud.engines.network.objects, before);
});

test('what is taken off the engine comes back, and what nobody asked for goes', async (t) => {
  const cloud = await startTestCloud(t);
  await makeAll(cloud);
  await cloud.settle();
  const { objects } = cloud.engines.network;
  const before = structuredClone(objects);
  for (const kind of kinds) objects[kind].clear();
  const orphan = randomUUID();
  objects.network.set(orphan, { id: orphan, name: 'orphan', mtu: 1442, adminStateUp: true, physicalNetwork: null });
  await cloud.sweep();
  await cloud.settle(); // dependants come back after what they refer to, and need no second sweep
  for (const kind of kinds)
    t.deepEqual([...objects[kind].keys()].toSorted(), [...before[kind].keys()].toSorted(), kind);
});

test('what nobody asked for and does not go keeps nothing else from coming back', async (t) => {
  const cloud = await startTestCloud(t);
  await makeAll(cloud);
  await cloud.settle();
  const { objects } = cloud.engines.network;
  const before = structuredClone(objects);
  for (const kind of kinds) objects[kind].clear();
  const orphans = [randomUUID(), randomUUID()] as const;
  for (const id of orphans)
    objects.network.set(id, { id, name: 'orphan', mtu: 1442, adminStateUp: true, physicalNetwork: null });
  cloud.engines.network.fault = (operation, id) =>
    operation === 'remove' && id === orphans[0] ? new Error('it stays') : undefined;
  await cloud.sweep();
  await cloud.settle();
  t.true(objects.network.delete(orphans[0]));
  for (const kind of kinds)
    t.deepEqual([...objects[kind].keys()].toSorted(), [...before[kind].keys()].toSorted(), kind);
  t.true(cloud.logLines.some((line) => line.includes(orphans[0]) && line.includes('it stays')));
});

test('what was damaged on the engine is put right, though a list shows nothing of it', async (t) => {
  const cloud = await startTestCloud(t);
  await makeAll(cloud);
  await cloud.settle();
  const { objects } = cloud.engines.network;
  const before = structuredClone(objects);
  for (const port of objects.port.values()) objects.port.set(port.id, { ...port, securityGroupIds: [] });
  for (const router of objects.router.values()) objects.router.set(router.id, { ...router, floatingIps: [] });
  for (const group of objects['security-group'].values())
    objects['security-group'].set(group.id, { ...group, rules: [] });
  t.notDeepEqual(objects, before);
  await cloud.sweep();
  t.deepEqual(objects, before);
});

test('what the engine refuses for good is in error with the reason kept, until it is changed', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: { name: 'refused' } });
  const path = `${base}/networks/${network.id}`;
  cloud.engines.network.fault = (operation) =>
    operation === 'ensure' ? new PermanentFailure('The engine cannot do this.') : undefined;
  await cloud.settle();
  t.is((await member.get(path)).network.status, 'ERROR');
  t.is((await cloud.db('networks').where({ id: network.id }).first()).fault, 'The engine cannot do this.');
  t.deepEqual(await unsettled(cloud), []);
  cloud.engines.network.fault = () => undefined;
  await member.put(path, { network: { name: 'accepted' } });
  await cloud.settle();
  t.is((await member.get(path)).network.status, 'ACTIVE');
});

test('a change that comes while the engine works is not lost', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await member.post(`${base}/networks`, { network: { name: 'first' } });
  let changed: Promise<unknown> | undefined;
  cloud.engines.network.fault = (operation) => {
    if (operation === 'ensure')
      changed ??= member.put(`${base}/networks/${network.id}`, { network: { name: 'second' } });
    return undefined;
  };
  await cloud.settle();
  await changed;
  await cloud.settle();
  t.is(cloud.engines.network.objects.network.get(network.id)?.name, 'second');
});
