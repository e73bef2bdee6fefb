import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute } from '../testing.ts';
import { reconcileThroughDeaths } from './deaths.ts';

const limits = { 'cirrostack:max_vcpus': '4', 'cirrostack:max_memory_mb': '256', 'cirrostack:min_memory_mb': '64' };

async function prepareSizes(t: Parameters<typeof prepareCompute>[0]) {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const makeFlavor = async (id: string, sizes: object, specs: object = limits) => {
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram: 64, vcpus: 1, disk: 1, ...sizes } }, 200);
    await admin.post(`/compute/v2.1/flavors/${id}/os-extra_specs`, { extra_specs: specs }, 200);
  };
  await makeFlavor('small', {});
  await makeFlavor('large', { ram: 128, vcpus: 2 });
  await makeFlavor('lean', { vcpus: 2 });
  await makeFlavor('vast', { ram: 512, vcpus: 2 });
  await makeFlavor('many', { vcpus: 8 });
  await makeFlavor('other', { ram: 128 }, { ...limits, 'hw:boot_menu': 'yes' });
  const id = await ground.createServer({ flavorRef: 'small' });
  await cloud.settle();
  const resize = (flavorRef: string, status = 202) =>
    cloud.as('member').post(`/compute/v2.1/servers/${id}/action`, { liveResize: { flavorRef } }, status);
  const spec = () => ground.host.servers.get(id)?.spec;
  const claim = () => cloud.db('compute_claims').where({ id }).first('vcpus', 'memory_mib');
  return { ...ground, cloud, id, resize, spec, claim };
}

test('a running server gets processors and memory and gives them back, and has claimed what it has meanwhile', async (t) => {
  const { cloud, id, resize, spec, claim, show, host } = await prepareSizes(t);
  t.deepEqual(spec()?.liveLimits, { maxVcpus: 4, minMemoryMib: 64, maxMemoryMib: 256 });
  await resize('large');
  t.like(await show(id), { status: 'RESIZE', 'OS-EXT-STS:task_state': 'resize_prep', 'OS-EXT-STS:vm_state': 'active' });
  t.deepEqual(await claim(), { vcpus: 2, memory_mib: 128 });
  await cloud.settle();
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null, flavor: { id: 'large' } });
  t.like(spec(), { vcpus: 2, memoryMib: 128 });
  t.is(host.servers.get(id)?.output, 'booted\n', 'it ran on');

  t.regex((await resize('small', 400)).badRequest.message, /no VCPUs can be taken from it/);
  await resize('lean');
  t.deepEqual(await claim(), { vcpus: 2, memory_mib: 128 }, 'what it has not given back is not for others');
  await cloud.settle();
  t.like(spec(), { vcpus: 2, memoryMib: 64 });
  t.deepEqual(await claim(), { vcpus: 2, memory_mib: 64 });

  host.guestsObey = false;
  await resize('large');
  await cloud.settle();
  t.like(
    await show(id),
    { status: 'ACTIVE', flavor: { id: 'lean' } },
    'a guest that does not take it keeps what it had',
  );
  t.deepEqual(await claim(), { vcpus: 2, memory_mib: 64 });
  const path = `/compute/v2.1/servers/${id}/os-instance-actions`;
  const [last] = (await cloud.as('admin').get(path)).instanceActions;
  t.like(last, { action: 'liveResize', message: 'Error' });
  const { instanceAction } = await cloud.as('admin').get(`${path}/${last.request_id}`);
  t.like(instanceAction.events[0], {
    event: 'compute_live_resize_instance',
    result: 'Error',
    traceback: 'its guest takes no memory',
  });
  host.guestsObey = true;
  await resize('large');
  t.true((await reconcileThroughDeaths(cloud, id)) > 4);
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null, flavor: { id: 'large' } });
  t.like(spec(), { vcpus: 2, memoryMib: 128 });
});

test('a size that a running server cannot have is refused with what would help', async (t) => {
  const { cloud, id, resize, createServer } = await prepareSizes(t);
  const refused = async (flavor: string) => (await resize(flavor, 400)).badRequest.message;
  t.regex(await refused('small'), /of that flavor already/);
  t.regex(await refused('vast'), /it can have 64 to 256 MiB of memory, not 512; resize it, which restarts it/);
  t.regex(await refused('many'), /it can have at most 4 VCPUs, not 8/);
  t.regex(await refused('other'), /other extra specs than its own/);
  t.regex(await refused('nowhere'), /could not be found/);
  const member = cloud.as('member');
  const fixed = await createServer();
  await cloud.settle();
  const path = `/compute/v2.1/servers/${fixed}/action`;
  const { badRequest } = await member.post(path, { liveResize: { flavorRef: 'large' } }, 400);
  t.regex(badRequest.message, /its flavor allows no other size \(extra specs cirrostack:max_vcpus/);
  await member.post(path, { liveResize: {} }, 400);
  await cloud.as('admin').put(`/compute/v2.1/os-quota-sets/${member.projectId}`, { quota_set: { cores: 2 } }, 200);
  t.regex((await resize('large', 403)).forbidden.message, /^Quota exceeded for cores/);
  await member.post(`/compute/v2.1/servers/${id}/action`, { 'os-stop': null }, 202);
  await cloud.settle();
  const stopped = await resize('large', 409);
  t.is(stopped.conflictingRequest.message, `Cannot 'liveResize' instance ${id} while it is in vm_state stopped`);
});
