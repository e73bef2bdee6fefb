/** What is asked of guests themselves, and what is seen of them. */
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute, type TestCloud, uploadImage } from '../testing.ts';

const actionPath = (id: string) => `/compute/v2.1/servers/${id}/action`;

/** Lets the host work until the answer is there. */
async function answered<T>(cloud: TestCloud, asked: Promise<T>): Promise<T> {
  let isThere = false;
  const note = () => {
    isThere = true;
  };
  asked.then(note, note);
  while (!isThere) {
    await cloud.settle();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return asked;
}

test('the agent in a guest sets the password of its administrator, and a refusal says why', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const agentImage = await uploadImage(t, cloud, { name: 'agent', hw_qemu_guest_agent: 'yes', os_admin_user: 'bob' });
  const [id, without] = [await createServer({ imageRef: agentImage }), await createServer()];
  const change = (of: string, status: number, value: object = { adminPass: 'open sesame' }) =>
    member.post(actionPath(of), { changePassword: value }, status);
  await change(id, 409);
  await cloud.settle();
  t.deepEqual(host.servers.get(id)?.spec.guestAgent, { mustQuiesce: false });
  t.is(host.servers.get(without)?.spec.guestAgent, undefined);
  await change(id, 400, {});
  await change(id, 400, { adminPass: '' });
  await change(id, 400, { adminPass: 'x', user: 'root' });
  t.is((await change(without, 409)).conflictingRequest.message, 'QEMU guest agent is not enabled');
  await cloud.as('reader').post(actionPath(id), { changePassword: { adminPass: 'x' } }, 403);
  await cloud.as('stranger').post(actionPath(id), { changePassword: { adminPass: 'x' } }, 404);

  await answered(cloud, change(id, 202));
  t.deepEqual(host.passwords.get(id), { user: 'bob', password: 'open sesame' });
  host.agentsAnswer = false;
  const refused = await answered(cloud, change(id, 409, { adminPass: 'another' }));
  t.is(
    refused.conflictingRequest.message,
    `Failed to set admin password on ${id} because its guest agent does not answer`,
  );
  host.agentsAnswer = true;
  const late = change(id, 202, { adminPass: 'third' });
  while ((await show(id)).status !== 'PASSWORD') await new Promise((resolve) => setTimeout(resolve, 5));
  t.like(await show(id), { status: 'PASSWORD', 'OS-EXT-STS:task_state': 'updating_password' });
  const busy = await member.post(actionPath(id), { 'os-stop': null }, 409);
  t.regex(busy.conflictingRequest.message, /while it is in task_state updating_password$/);
  await answered(cloud, late);
  t.is(host.passwords.get(id)?.password, 'third');
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  const kept = await cloud.db('server_actions').where({ action: 'changePassword' }).pluck('parameters');
  t.deepEqual(
    kept,
    [{}, { refusal: 'its guest agent does not answer' }, {}],
    'no password stays in the log of actions',
  );
  t.false(cloud.logLines.some((line) => line.includes('open sesame')));

  const { instanceActions } = await member.get(`/compute/v2.1/servers/${id}/os-instance-actions`);
  const messages = instanceActions.filter((one: { action: string }) => one.action === 'changePassword');
  t.deepEqual(
    messages.map((one: { message: string | null }) => one.message),
    [null, 'Error', null],
  );

  host.failNext({ call: 'ensure', kind: 'permanent', message: 'The disk is damaged.' });
  const broken = await answered(cloud, change(id, 409, { adminPass: 'fourth' }));
  t.is(
    broken.conflictingRequest.message,
    `Failed to set admin password on ${id} because The disk is damaged.`,
    'its owner is told the fault, not its details',
  );
});

test('a guest is interrupted so that it dumps what it knows, and what its image said goes for its copies', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const properties = { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes', os_shutdown_timeout: '7', note: 'n' };
  const imageRef = await uploadImage(t, cloud, { name: 'agent', ...properties });
  const id = await createServer({ imageRef });
  await cloud.settle();
  await member.post(actionPath(id), { trigger_crash_dump: null }, 400);
  const dump = (status: number) => atVersion(member, '2.17').post(actionPath(id), { trigger_crash_dump: null }, status);
  await dump(202);
  await cloud.settle();
  t.is(host.servers.get(id)?.output, 'booted\ninterrupted\n');
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });

  t.deepEqual(host.servers.get(id)?.spec.guestAgent, { mustQuiesce: true });
  await member.post(actionPath(id), { createImage: { name: 'copy', metadata: { os_shutdown_timeout: '9' } } }, 202);
  await cloud.settle();
  const { images } = await member.get('/image/v2/images?name=copy');
  t.like(images[0], { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes', os_shutdown_timeout: '9' });
  t.is(images[0].note, 'n');
  t.is(host.lastGraceSeconds, undefined);
  await member.post(actionPath(id), { 'os-stop': null }, 202);
  await cloud.settle();
  t.is(host.lastGraceSeconds, 7, 'it is given the time that its image asks for');
  t.regex((await dump(409)).conflictingRequest.message, /^Cannot 'trigger_crash_dump' .* vm_state stopped$/);

  await member.post(actionPath(id), { rebuild: { imageRef: imageId } }, 202);
  await cloud.settle();
  t.is(host.servers.get(id)?.spec.guestAgent, undefined);
});

test('administrators see what a running server has used, in the form of their microversion', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'n' } }, 201);
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' };
  await member.post('/network/v2.0/subnets', { subnet }, 201);
  const id = await createServer({ networks: [{ uuid: network.id }] });
  const path = `/compute/v2.1/servers/${id}/diagnostics`;
  await admin.get(path, 409);
  await cloud.settle();
  await member.get(path, 403);

  const early = await answered(cloud, admin.get(path));
  const tap = Object.keys(early).find((key) => key.endsWith('_rx')) ?? '';
  t.regex(tap, /^tap[0-9a-f]{8}-[0-9a-f]{2}_rx$/);
  t.like(early, { cpu0_time: 0, vda_read: 0, vda_read_req: 0, vda_errors: -1, memory: 65_536 });
  const standard = await answered(cloud, atVersion(admin, '2.48').get(path));
  t.deepEqual(Object.keys(standard).toSorted(), [
    'config_drive',
    'cpu_details',
    'disk_details',
    'driver',
    'hypervisor',
    'hypervisor_os',
    'memory_details',
    'nic_details',
    'num_cpus',
    'num_disks',
    'num_nics',
    'state',
    'uptime',
  ]);
  const { mac_address } = (await cloud.db('ports').where({ attached_to: id }).first()) ?? {};
  t.like(standard, {
    state: 'running',
    driver: 'libvirt',
    hypervisor: 'kvm',
    num_cpus: 1,
    cpu_details: [{ id: 0, time: 0, utilisation: null }],
    nic_details: [{ mac_address, rx_octets: 0, tx_rate: null }],
    memory_details: { maximum: 64, used: 64 },
  });

  await member.post(actionPath(id), { 'os-stop': null }, 202);
  await cloud.settle();
  const refused = await answered(cloud, admin.get(path, 409));
  t.is(
    refused.conflictingRequest.message,
    `Cannot 'get_diagnostics' instance ${id} while it is in power state shutdown`,
  );
});
