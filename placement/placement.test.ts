import test from 'ava';
import { prepareCompute, uploadImage } from '../compute/testing.ts';
import { asking, type Client, startTestCloud, type TestCloud } from '../tests/cloud.ts';

/** The same client, asking by a microversion of Placement. */
const at = (client: Client, version: string) => asking(client, `placement ${version}`, '/placement');

async function prepare(cloud: TestCloud, version = '1.39') {
  const placement = at(cloud.as('admin'), version);
  const [provider] = (await placement.get('/resource_providers')).resource_providers;
  return { placement, provider, path: `/resource_providers/${provider.uuid}` };
}

test('what servers take is told of their host, of themselves and of their project', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const server = { id: await ground.createServer() };
  const { placement, provider, path } = await prepare(cloud);
  t.like(provider, { name: 'host-1', generation: 0, parent_provider_uuid: null, root_provider_uuid: provider.uuid });
  const flavor = { VCPU: 1, MEMORY_MB: 64, DISK_GB: 1 };
  t.deepEqual((await placement.get(`${path}/usages`)).usages, flavor);
  t.deepEqual((await placement.get(`${path}/allocations`)).allocations, {
    [server.id]: { resources: flavor, consumer_generation: 1 },
  });
  t.deepEqual(await placement.get(`/allocations/${server.id}`), {
    allocations: { [provider.uuid]: { generation: 0, resources: flavor } },
    project_id: member.projectId,
    user_id: member.userId,
    consumer_generation: 1,
    consumer_type: 'INSTANCE',
  });
  t.deepEqual(await placement.get(`/allocations/${provider.uuid}`), { allocations: {} });
  const usages = `/usages?project_id=${member.projectId}`;
  t.deepEqual((await placement.get(usages)).usages, { INSTANCE: { consumer_count: 1, ...flavor } });
  t.deepEqual((await placement.get(`${usages}&consumer_type=all&user_id=${member.userId}`)).usages, {
    all: { consumer_count: 1, ...flavor },
  });
  t.deepEqual((await placement.get(`${usages}&user_id=other`)).usages, {});
  // A project's readers may see what it uses, and nothing else of all this.
  const reader = at(cloud.as('reader'), '1.9');
  t.deepEqual((await reader.get(usages)).usages, flavor);
  await at(cloud.as('stranger'), '1.9').get(usages, 403);
  await reader.get('/resource_providers', 403);
  // The way of Nova, where a user is at the end of what they have.
  await member.delete(`/compute/v2.1/servers/${server.id}`);
  await cloud.settle();
  t.deepEqual((await placement.get(`${path}/usages`)).usages, { VCPU: 0, MEMORY_MB: 0, DISK_GB: 0 });
});

test('ratios and reserves of a host are set through its inventories, and servers are placed by them', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const { placement, path } = await prepare(cloud);
  const before = await placement.get(`${path}/inventories`);
  const { VCPU, MEMORY_MB, DISK_GB } = before.inventories;
  t.like(VCPU, { reserved: 0, allocation_ratio: 16, min_unit: 1, max_unit: VCPU.total, step_size: 1 });
  t.like(MEMORY_MB, { reserved: 512, allocation_ratio: 1 });

  const memory = { total: MEMORY_MB.total, reserved: MEMORY_MB.total - 32, allocation_ratio: 1 };
  const one = `${path}/inventories/MEMORY_MB`;
  const set = { resource_provider_generation: 0, ...memory };
  t.like(await placement.put(one, set), { ...memory, resource_provider_generation: 1 });
  t.like((await placement.put(one, set, 409)).errors[0], { status: 409, code: 'placement.concurrent_update' });
  const made = async () => ground.show(await ground.createServer());
  const refused = await made();
  t.is(refused.status, 'ERROR');
  t.regex(refused.fault?.message ?? '', /RamFilter refused 1 host \(32 MiB of memory missing\)/);
  const twice = { ...memory, allocation_ratio: 2 };
  const all = { resource_provider_generation: 1, inventories: { VCPU, DISK_GB, MEMORY_MB: twice } };
  t.like((await placement.put(`${path}/inventories`, all)).inventories.MEMORY_MB, twice);
  t.is((await made()).status, 'BUILD', '64 MiB of 32, promised twice');

  const wrong = (changes: object, status: number, version = '1.39') =>
    at(cloud.as('admin'), version).put(one, { resource_provider_generation: 2, ...memory, ...changes }, status);
  await wrong({ total: 1 }, 409);
  await wrong({ step_size: 2 }, 409);
  await wrong({ reserved: MEMORY_MB.total + 1 }, 400);
  await wrong({ reserved: MEMORY_MB.total }, 400, '1.25');
  await wrong({ reserved: MEMORY_MB.total }, 200);
  await placement.put(`${path}/inventories`, { ...all, resource_provider_generation: 3, inventories: { VCPU } }, 409);
  const generation = { resource_provider_generation: 3 };
  await placement.put(
    `${path}/inventories`,
    { ...generation, inventories: { ...all.inventories, FPGA: { total: 1 } } },
    409,
  );
  await placement.put(`${path}/inventories/FPGA`, { ...generation, total: 1 }, 404);
  await placement.delete(one, 409);
  await placement.delete(`${path}/inventories`, 409);
});

test('flavors and images ask for traits, which administrators give to hosts', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const { placement, path } = await prepare(cloud);
  const own = (await placement.get(`${path}/traits`)).traits;
  t.true(own.includes('COMPUTE_NODE') && own.includes('HW_ARCH_X86_64'));
  await placement.put('/traits/CUSTOM_GPU', undefined, 201);
  await placement.put('/traits/CUSTOM_GPU', undefined, 204);
  await placement.put('/traits/HW_MINE', undefined, 400);
  const body = (...traits: string[]) => ({ resource_provider_generation: 0, traits });
  await placement.put(`${path}/traits`, body('CUSTOM_NONE'), 400);
  await placement.put(`${path}/traits`, body('HW_ARCH_AARCH64'), 409);

  const admin = cloud.as('admin');
  const specs = (extra_specs: object) =>
    admin.post(`/compute/v2.1/flavors/${ground.flavorId}/os-extra_specs`, { extra_specs }, 200);
  const made = async () => ground.show(await ground.createServer());
  await specs({ 'trait:CUSTOM_GPU': 'required' });
  t.regex((await made()).fault?.message ?? '', /RequiredTraitsFilter refused 1 host \(without the trait CUSTOM_GPU\)/);
  t.deepEqual((await placement.put(`${path}/traits`, body('CUSTOM_GPU'))).traits, [...own, 'CUSTOM_GPU']);
  await placement.put(`${path}/traits`, body('CUSTOM_GPU'), 409);
  t.is((await made()).status, 'BUILD');
  await specs({ 'trait:CUSTOM_GPU': 'forbidden' });
  t.regex((await made()).fault?.message ?? '', /with the trait CUSTOM_GPU/);
  await admin.delete(`/compute/v2.1/flavors/${ground.flavorId}/os-extra_specs/trait:CUSTOM_GPU`, 200);
  const onImage = async (properties: object) =>
    (await ground.show(await ground.createServer({ imageRef: await uploadImage(t, cloud, properties) }))).status;
  t.is(await onImage({ name: 'a', 'trait:CUSTOM_GPU': 'required' }), 'BUILD');
  t.is(await onImage({ name: 'b', 'trait:CUSTOM_GPU': 'forbidden' }), 'ERROR');
  await specs({ 'resources:VCPU': '2' });
  await placement.delete('/traits/CUSTOM_GPU', 409);
  t.deepEqual((await placement.get('/traits?name=startswith:CUSTOM&associated=true')).traits, ['CUSTOM_GPU']);
  await placement.delete(`${path}/traits`);
  t.regex((await made()).fault?.message ?? '', /resources:VCPU=2, which no host here honours/);
  t.deepEqual((await placement.get('/traits?associated=false&name=in:CUSTOM_GPU,COMPUTE_NODE')).traits, ['CUSTOM_GPU']);
  await placement.delete('/traits/CUSTOM_GPU');
  await placement.get('/traits/CUSTOM_GPU', 404);
  await placement.get('/traits/COMPUTE_NODE', 204);
  await placement.delete('/traits/COMPUTE_NODE', 400);
  await placement.get('/traits?name=CUSTOM', 400);
});

test('providers are found by what they are, have and are in', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareCompute(t, cloud);
  const { placement, provider, path } = await prepare(cloud);
  const admin = cloud.as('admin');
  const { aggregate } = await admin.post('/compute/v2.1/os-aggregates', { aggregate: { name: 'a' } }, 200);
  await admin.post(`/compute/v2.1/os-aggregates/${aggregate.id}/action`, { add_host: { host: 'host-1' } }, 200);
  const { aggregates, resource_provider_generation } = await placement.get(`${path}/aggregates`);
  t.is(resource_provider_generation, 0);
  t.is(aggregates.length, 1);
  const other = '00000000-0000-4000-8000-000000000000';
  for (const [query, isFound] of [
    ['name=host-1', true],
    ['name=host-2', false],
    [`uuid=${provider.uuid}&in_tree=${provider.uuid}`, true],
    [`in_tree=${other}`, false],
    ['resources=VCPU:1,MEMORY_MB:64', true],
    ['resources=MEMORY_MB:99999999', false],
    ['resources=FPGA:1', false],
    [`member_of=${aggregates[0]}`, true],
    [`member_of=in:${other},${aggregates[0]}`, true],
    [`member_of=!${aggregates[0]}`, false],
    [`member_of=!in:${other}&member_of=${aggregates[0]}`, true],
    ['required=COMPUTE_NODE,!HW_ARCH_AARCH64', true],
    ['required=COMPUTE_NODE,HW_ARCH_AARCH64', false],
    ['required=in:HW_ARCH_X86_64,HW_ARCH_AARCH64&required=COMPUTE_NODE', true],
  ] as const)
    t.is((await placement.get(`/resource_providers?${query}`)).resource_providers.length, isFound ? 1 : 0, query);
  for (const query of ['uuid=x', 'resources=VCPU', 'resources=NONE:1', 'member_of=x', 'required=CUSTOM_X', 'strange=1'])
    await placement.get(`/resource_providers?${query}`, 400);
  const early = at(admin, '1.3');
  await early.get('/resource_providers?resources=VCPU:1', 400);
  const [first] = (await at(admin, '1.0').get('/resource_providers')).resource_providers;
  t.deepEqual(Object.keys(first), ['uuid', 'name', 'generation', 'links']);
  t.deepEqual(
    first.links.map(({ rel }: { rel: string }) => rel),
    ['self', 'inventories', 'usages'],
  );
  await at(admin, '1.0').get(`${path}/aggregates`, 404);
  const answer = await placement.request({ method: 'GET', path });
  t.is(answer.headers['openstack-api-version'], 'placement 1.39');
  t.is(answer.headers['cache-control'], 'no-cache');
  await placement.put(path, { name: 'host-1' });
  await placement.put(path, { name: 'mine' }, 409);
  await placement.post('/resource_providers', { name: 'mine' }, 409);
  await placement.delete(path, 409);
  await placement.get(`/resource_providers/${other}`, 404);
});

test('allocation candidates are the hosts that have room for all that is asked', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareCompute(t, cloud);
  const { placement, provider } = await prepare(cloud);
  const candidates = async (query: string, version = '1.39') =>
    at(cloud.as('admin'), version).get(`/allocation_candidates?${query}`);
  const resources = { VCPU: 1, MEMORY_MB: 64 };
  const found = await candidates('resources=VCPU:1,MEMORY_MB:64&required=COMPUTE_NODE&limit=5');
  t.deepEqual(found.allocation_requests, [
    { allocations: { [provider.uuid]: { resources } }, mappings: { '': [provider.uuid] } },
  ]);
  t.deepEqual(Object.keys(found.provider_summaries[provider.uuid].resources), ['VCPU', 'MEMORY_MB', 'DISK_GB']);
  t.deepEqual((await candidates('resources=VCPU:1', '1.10')).allocation_requests, [
    { allocations: [{ resource_provider: { uuid: provider.uuid }, resources: { VCPU: 1 } }] },
  ]);
  const groups = 'resources_A=VCPU:1&resources_B=VCPU:2&required_B=COMPUTE_NODE';
  const [both] = (await candidates(`${groups}&group_policy=none&same_subtree=_A,_B`)).allocation_requests;
  t.deepEqual(both.allocations[provider.uuid].resources, { VCPU: 3 });
  t.deepEqual((await candidates(`${groups}&group_policy=isolate`)).allocation_requests, []);
  t.deepEqual((await candidates('resources=MEMORY_MB:99999999')).allocation_requests, []);
  t.deepEqual((await candidates('resources=VCPU:1&root_required=!COMPUTE_NODE')).allocation_requests, []);
  for (const query of [
    groups,
    'required=COMPUTE_NODE',
    'resources=VCPU:1&limit=0',
    'resources=VCPU:1&in_tree=x',
    'x=1',
  ])
    await placement.get(`/allocation_candidates?${query}`, 400);
  await at(cloud.as('admin'), '1.24').get('/allocation_candidates?resources1=VCPU:1', 400);
});

test('resource classes are the standard ones, and those that administrators add', async (t) => {
  const cloud = await startTestCloud(t);
  const placement = at(cloud.as('admin'), '1.39');
  const names = async () =>
    (await placement.get('/resource_classes')).resource_classes.map(({ name }: { name: string }) => name);
  t.true((await names()).includes('VCPU'));
  await placement.post('/resource_classes', { name: 'CUSTOM_X' }, 201);
  await placement.post('/resource_classes', { name: 'CUSTOM_X' }, 409);
  await placement.post('/resource_classes', { name: 'X' }, 400);
  await placement.put('/resource_classes/CUSTOM_Y', undefined, 201);
  await placement.put('/resource_classes/CUSTOM_Y', undefined, 204);
  await placement.put('/resource_classes/VCPU', undefined, 400);
  t.deepEqual((await names()).slice(-2), ['CUSTOM_X', 'CUSTOM_Y']);
  t.is((await placement.get('/resource_classes/CUSTOM_X')).name, 'CUSTOM_X');
  await placement.delete('/resource_classes/CUSTOM_X');
  await placement.delete('/resource_classes/CUSTOM_X', 404);
  await placement.delete('/resource_classes/VCPU', 400);
  const [version] = (await at(cloud.anonymous, '1.0').get('/')).versions;
  t.like(version, { id: 'v1.0', min_version: '1.0', max_version: '1.39' });
});
