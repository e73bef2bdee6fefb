import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareContainers, type TestCloud } from './testing.ts';

const ago = (cloud: TestCloud, id: string, column: string, interval: string) =>
  cloud
    .db('containers')
    .where({ id })
    .update({ [column]: cloud.db.raw(`now() - interval '${interval}'`) });

/** How often anything is tried depends on how busy the machine is. */
const always = { times: Number.POSITIVE_INFINITY };

test('a container runs once its host has it, on the network of its project, and goes without a trace', async (t) => {
  const cloud = await startTestCloud(t, { imageCacheUnusedHours: 0 });
  const { run, show, ask, host, imageId, networkId } = await prepareContainers(t, cloud);
  const id = await run({ environment: { COLOUR: 'blue' }, cpu: 0.5, memory: 64, labels: { tier: 'web' } });
  t.like(await show(id), { status: 'Creating', task_state: 'container_creating', status_reason: null });
  await cloud.settle();
  const shown = await show('web');
  t.like(shown, { uuid: id, status: 'Running', task_state: null, memory: '64', cpu: 0.5, image: 'box' });
  t.regex(shown.status_detail, /^Up \d+ seconds$/);
  const [address] = shown.addresses[networkId];
  t.like(address, { version: 4, preserve_on_delete: false });
  t.is(shown.security_groups.length, 1);
  const guest = host.containers.get(id);
  t.like(guest?.spec, { imageId, cpus: 0.5, memoryMib: 64, pidsLimit: 1024, environment: { COLOUR: 'blue' } });
  t.is(guest?.spec.ports[0]?.id, address.port);
  t.deepEqual(guest?.spec.ports[0]?.addresses[0]?.address, address.addr);
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'compute', 'container-images')), []); // the engine has it

  await ask('DELETE', '/web?stop=true', 204);
  t.like(await show(id), { status: 'Deleting', task_state: 'container_deleting' });
  await ask('DELETE', `/${id}?stop=true`, 204); // again: no error
  await cloud.settle();
  await ask('GET', `/${id}`, 404);
  t.is(host.containers.size, 0);
  await cloud.as('member').get(`/network/v2.0/ports/${address.port}`, 404);
  t.true(host.images.has(imageId));
  await cloud.sweep();
  t.false(host.images.has(imageId));
});

test('a container is created, started, stopped, rebooted and killed as asked, and refuses what its state does not allow', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, show, host } = await prepareContainers(t, cloud);
  const { uuid: id } = await ask('POST', '', 202, { name: 'job', image: 'box' });
  const early = await ask('POST', `/${id}/start`, 409);
  t.is(early.errors[0].detail, `Cannot start container ${id} in Creating state`);
  await cloud.settle();
  t.like(await show(id), { status: 'Created', status_detail: 'Created', task_state: null });
  t.is(host.containers.get(id)?.power, 'shutdown');
  await ask('POST', `/${id}/stop`, 409);

  await ask('POST', `/${id}/start`, 202);
  t.is((await show(id)).task_state, 'container_starting');
  await cloud.settle();
  t.is((await show(id)).status, 'Running');
  const running = await ask('DELETE', `/${id}`, 409);
  t.is(running.errors[0].detail, `Cannot delete container ${id} in Running state`);

  await ask('POST', `/${id}/reboot?timeout=1`, 202);
  t.like(await show(id), { status: 'Restarting', task_state: 'container_rebooting' });
  const before = host.callsOf('power');
  await cloud.settle();
  t.is((await show(id)).status, 'Running');
  t.is(host.callsOf('power'), before + 2);

  await ask('POST', `/${id}/stop?timeout=1`, 202);
  t.like(await show(id), { status: 'Running', task_state: 'container_stopping' });
  await cloud.settle();
  const stopped = await show(id);
  t.like(stopped, { status: 'Stopped', task_state: null });
  t.regex(stopped.status_detail, /^Exited\(0\) \d+ seconds ago$/);
  await ask('POST', `/${id}/kill`, 409);
  await ask('POST', `/${id}/reboot`, 202);
  await cloud.settle();
  t.is((await show(id)).status, 'Running');

  await ask('POST', `/${id}/kill?signal=SIGKILL`, 202);
  await cloud.settle();
  t.regex((await show(id)).status_detail, /^Exited\(137\)/);
  await ask('DELETE', `/${id}`, 204);
  await cloud.settle();
  await ask('GET', `/${id}`, 404);
});

test('a program that ends by itself is left ended, and its output is kept', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, ask, host } = await prepareContainers(t, cloud);
  const id = await run({ command: ['echo', 'hello', 'world'] });
  await cloud.settle();
  const ended = await show(id);
  t.is(ended.status, 'Stopped');
  t.regex(ended.status_detail, /^Exited\(0\)/);
  t.deepEqual(ended.command, ['echo', 'hello', 'world']);
  const starts = host.callsOf('power');
  for (let i = 0; i < 3; i++) {
    await cloud.sweep();
    await cloud.settle();
  }
  t.is(host.callsOf('power'), starts);
  await ask('POST', `/${id}/start`, 202);
  await cloud.settle();
  t.is(host.containers.get(id)?.output, 'hello world\nhello world\n');

  const fails = await run({ name: 'fails', command: ['false'] });
  await cloud.settle();
  t.like(await show(fails), { status: 'Stopped', status_reason: null });
  t.regex((await show(fails)).status_detail, /^Exited\(1\)/);

  const brief = await run({ name: 'brief', command: ['true'], auto_remove: true });
  await cloud.settle();
  await ask('GET', `/${brief}`, 404);
  t.false(host.containers.has(brief));
});

test('a restart policy starts a program again, ever later, until its retries are used up', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, host, ask } = await prepareContainers(t, cloud);
  const policy = { Name: 'on-failure', MaximumRetryCount: '2' };
  const id = await run({ command: ['false'], restart_policy: policy });
  await cloud.settle();
  t.like(await show(id), { status: 'Restarting', status_detail: 'Restarting', restart_policy: policy });
  t.is((await cloud.db('containers').where({ id }).first()).restarts, 2); // the first at once, the second waits
  await ago(cloud, id, 'restart_at', '1 second');
  await cloud.settle();
  t.is((await show(id)).status, 'Stopped');

  const always = await run({ name: 'always', restart_policy: { Name: 'always' } });
  await cloud.settle();
  host.lose(always, 'shutdown');
  await cloud.sweep();
  await cloud.settle();
  t.is((await show(always)).status, 'Running');
  host.lose(always, 'crashed');
  await cloud.sweep();
  await cloud.settle();
  t.is((await show(always)).status, 'Restarting');
  await ask('POST', `/${always}/stop`, 202); // who loops can be stopped
  await cloud.settle();
  t.is((await show(always)).status, 'Stopped');
  await ago(cloud, always, 'observed_since', '1 hour');
  await cloud.sweep();
  await cloud.settle();
  t.is((await show(always)).status, 'Stopped');
});

test('a container that is lost, stopped or paused behind our back comes back', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, host } = await prepareContainers(t, cloud);
  const id = await run();
  await cloud.settle();
  host.forget(id);
  await cloud.sweep();
  await cloud.settle();
  t.is(host.containers.get(id)?.power, 'running');
  t.is((await show(id)).status, 'Running');

  const spec = host.containers.get(id)?.spec;
  if (spec === undefined) throw new Error('it was just there');
  await cloud.drivers.containers.power(spec, 'shutdown', { graceSeconds: 0 }); // as when its engine goes down
  await cloud.sweep();
  await cloud.settle();
  t.is(host.containers.get(id)?.power, 'running');

  const stray = { ...spec, id: '00000000-0000-4000-8000-000000000000', ports: [] };
  await cloud.drivers.containers.ensure(stray);
  await cloud.sweep();
  t.false(host.containers.has(stray.id));
  t.true(host.containers.has(id));
});

test('a failure that passes leaves no mark, one that lasts shows as Error, and success heals it', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, host } = await prepareContainers(t, cloud);
  const id = await run();
  const untilRunning = async () => {
    for (let i = 0; i < 20 && (await show(id)).status !== 'Running'; i++) await cloud.settle();
  };
  const makeRoom = host.failNext({
    ...always,
    call: 'ensureImage',
    kind: 'transient',
    message: 'No room on the disk of the host.',
  });
  await cloud.settle();
  t.like(await show(id), { status: 'Creating', status_reason: 'No room on the disk of the host.' });
  await ago(cloud, id, 'failing_since', '10 minutes');
  const heal = host.failNext({ ...always, call: 'ensure', kind: 'transient', message: 'Still no room.' });
  makeRoom();
  await cloud.settle();
  t.like(await show(id), { status: 'Error', status_reason: 'Still no room.' });
  heal();
  await untilRunning();
  t.like(await show(id), { status: 'Running', status_reason: null });

  host.isAway = true;
  await cloud.sweep();
  await cloud.settle();
  host.isAway = false;
  await cloud.settle();
  t.like(await show(id), { status: 'Running', status_reason: null });
});

test('a full disk is told at once, and room heals', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, host } = await prepareContainers(t, cloud);
  const id = await run();
  const heal = host.failNext({
    ...always,
    call: 'ensure',
    kind: 'disk full',
    message: 'The disk of the host is full.',
  });
  await cloud.settle();
  t.like(await show(id), { status: 'Error', status_reason: 'The disk of the host is full.' });
  heal();
  for (let i = 0; i < 20 && (await show(id)).status !== 'Running'; i++) await cloud.settle();
  t.like(await show(id), { status: 'Running', status_reason: null });
});

test('a failure for good is told with its reason, and the container can be started anew or deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, ask, host } = await prepareContainers(t, cloud);
  const id = await run();
  const message = 'The container image cannot be used: it is no archive.';
  host.failNext({ call: 'ensureImage', kind: 'permanent', message });
  await cloud.settle();
  t.like(await show(id), { status: 'Error', status_reason: message, task_state: null });
  t.is(await ask('GET', `/${id}/logs`, 200), '');
  await ask('POST', `/${id}/start`, 202);
  await cloud.settle();
  t.is((await show(id)).status, 'Running');
  host.failNext({ call: 'remove', kind: 'permanent', message: 'Not now.' });
  await ask('DELETE', `/${id}?stop=true`, 204);
  for (let i = 0; i < 2; i++) await cloud.settle();
  await ask('GET', `/${id}`, 404);
});

test('an image that is deleted before its host has it is a failure for good', async (t) => {
  const cloud = await startTestCloud(t);
  const { run, show, imageId } = await prepareContainers(t, cloud);
  const id = await run();
  await cloud.as('admin').delete(`/image/v2/images/${imageId}`);
  await cloud.settle();
  t.like(await show(id), { status: 'Error', status_reason: `Image ${imageId} could not be found.` });
});
