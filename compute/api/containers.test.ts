import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { newest, prepareContainers, uploadContainerImage } from '../containers/testing.ts';
import { containerLimit } from '../limits.ts';

test('versions are told to anybody, and the one that was used is echoed', async (t) => {
  const cloud = await startTestCloud(t);
  const { versions } = await cloud.anonymous.get('/container');
  t.like(versions[0], { id: 'v1', status: 'CURRENT', min_version: '1.1', max_version: '1.40' });
  t.is((await cloud.anonymous.get('/container/v1/')).id, 'v1');
  const member = cloud.as('member');
  const ask = (version: string) =>
    member.request({ method: 'GET', path: '/container/v1/containers', headers: { 'openstack-api-version': version } });
  const latest = await ask('container latest');
  t.is(latest.headers['openstack-api-version'], 'container 1.40');
  t.regex(String(latest.headers.vary), /OpenStack-API-Version/);
  t.is((await ask('compute 2.1')).headers['openstack-api-version'], 'container 1.1');
  const beyond = await ask('container 1.41');
  t.is(beyond.status, 406);
  t.like(beyond.body.errors[0], { status: 406, links: [], code: '' });
  t.is((await ask('container x')).status, 400);
});

test('what cannot be had is refused by its name, and leaves nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, imageId, networkId } = await prepareContainers(t, cloud);
  const id = randomUUID();
  const disk = await uploadContainerImage(t, cloud, { name: 'hungry', min_ram: 1024 });
  const policy = (rule: string, why: string) =>
    new RegExp(`^Policy doesn't allow container:create:${rule} to be performed: ${why}`);
  const cases: [object, number, string | RegExp][] = [
    [{ image: 'nope' }, 400, 'Image nope could not be found.'],
    [{ image: id }, 400, `Image ${id} could not be found.`],
    [{ image: disk }, 400, `Image ${disk} needs 1024 MiB of memory, 512 were asked for.`],
    [{ image_driver: 'docker' }, 400, /images come from the image service/],
    [{ image_pull_policy: 'always' }, 400, /images never change/],
    [{ privileged: true }, 403, policy('privileged', 'nobody may')],
    [{ host: 'host-1' }, 403, policy('requested_destination', 'it requires the role admin')],
    [{ runtime: 'kata' }, 400, /runtime/],
    [{ registry: 'hub' }, 400, /registries/],
    [{ disk: 5 }, 400, /disk/],
    [{ cpu_policy: 'dedicated' }, 400, /dedicated/],
    [{ mounts: [{ source: '/etc', destination: '/x', type: 'bind' }] }, 400, /mounts/],
    [{ healthcheck: { cmd: 'true' } }, 400, /healthcheck/],
    [{ exposed_ports: { '80/tcp': {} } }, 400, /security group/],
    [{ hints: { a: 'b' } }, 400, /hints/],
    [{ nets: [{ network: 'nope' }] }, 400, 'Network nope could not be found.'],
    [{ nets: [{ port: id }] }, 400, `Port ${id} could not be found.`],
    [{ nets: [{ network: networkId, port: id }] }, 400, /a network or a port/],
    [{ nets: [{ network: networkId, 'v4-fixed-ip': '::1' }] }, 400, /no IPv4 address/],
    [{ security_groups: ['nope'] }, 400, 'Security Group nope could not be found.'],
    [{ availability_zone: 'mars' }, 400, 'The requested availability zone is not available'],
    [{ restart_policy: { Name: 'sometimes' } }, 400, /restart_policy/],
    [{ restart_policy: { Name: 'always', MaximumRetryCount: 3 } }, 400, /maximum retry count not valid/],
    [{ restart_policy: { Name: 'always' }, auto_remove: true }, 400, /cannot be used together/],
    [{ command: 'ls' }, 400, /a list of strings/],
    [{ cpu: 0 }, 400, /cpu/],
    [{ cpu: 'NaN' }, 400, /cpu/],
    [{ memory: '5' }, 400, /memory/],
    [{ memory: 1.5 }, 400, /memory/],
    [{ name: 'a b' }, 400, /name/],
    [{ hostname: 'a_b' }, 400, /hostname/],
    [{ environment: { 'A=B': 'c' } }, 400, /environment/],
    [{ environment: { A: 'b\0c' } }, 400, /environment/],
    [{ labels: { tier: 1 } }, 400, /labels/],
    [{ cap_add: ['SYS_ADMIN'] }, 400, /unexpected cap_add/],
    [{ entrypoint: ['sh'] }, 400, /entrypoint is that of the image/],
  ];
  for (const [changes, status, message] of cases) {
    const { errors } = await ask('POST', '', status, { name: 'web', image: imageId, ...changes });
    t.is(errors[0].status, status);
    if (typeof message === 'string') t.is(errors[0].detail, message);
    else t.regex(errors[0].detail, message);
    t.regex(errors[0].request_id, /^req-/);
  }
  await ask('POST', '?walk=true', 400, { image: imageId });
  await ask('POST', '?run=maybe', 400, { image: imageId });
  t.deepEqual((await ask('GET', '', 200)).containers, []);
  t.deepEqual((await cloud.as('member').get('/network/v2.0/ports')).ports, []);
});

test('an image of a disk, one that is not there yet and one name for two are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask } = await prepareContainers(t, cloud);
  await uploadContainerImage(t, cloud, { name: 'twin' });
  await uploadContainerImage(t, cloud, { name: 'twin' });
  const { errors } = await ask('POST', '', 409, { image: 'twin' });
  t.regex(errors[0].detail, /use the image id/);
  const empty = { name: 'empty', disk_format: 'raw', container_format: 'docker', visibility: 'public' };
  const queued = await cloud.as('admin').post('/image/v2/images', empty);
  await ask('POST', '', 400, { image: queued.id });
  await ask('POST', '', 400, { image: 'empty' });
  const raw = await cloud
    .as('member')
    .post('/image/v2/images', { name: 'd', disk_format: 'raw', container_format: 'bare' });
  const put = { method: 'PUT', path: `/image/v2/images/${raw.id}/file`, payload: Buffer.alloc(1024) };
  await cloud.as('member').request({ ...put, headers: { 'content-type': 'application/octet-stream' } });
  const disk = await ask('POST', '', 400, { image: raw.id });
  t.regex(disk.errors[0].detail, /is no image for containers/);
});

test('what came with a later microversion is refused before it, and commands are lines before 1.20', async (t) => {
  const cloud = await startTestCloud(t);
  await prepareContainers(t, cloud);
  const member = cloud.as('member');
  const post = (version: string, body: object) =>
    member.request({
      method: 'POST',
      path: '/container/v1/containers',
      body: { image: 'box', ...body },
      headers: { 'openstack-api-version': `container ${version}` },
    });
  const cases: [string, object, number][] = [
    ['1.1', {}, 202],
    ['1.1', { nets: [{ network: 'private' }] }, 400],
    ['1.2', { nets: [{ network: 'private' }] }, 202],
    ['1.2', { auto_remove: true }, 400],
    ['1.8', { hostname: 'h' }, 400],
    ['1.20', { privileged: false }, 400],
    ['1.38', { host: 'host-1' }, 400],
    ['1.19', { command: ['ls'] }, 400],
  ];
  for (const [version, body, status] of cases) {
    const answer = await post(version, body);
    t.is(answer.status, status, `${version} ${JSON.stringify(body)}: ${answer.text}`);
  }
  const legacy = await post('1.19', { command: '"sh" "-c" "echo a b"' });
  t.deepEqual(legacy.body.command, ['sh', '-c', 'echo a b']);
  t.is((await post('1.35', { interactive: true })).body.tty, true);
  t.is((await post('1.36', { interactive: true })).body.tty, false);
  const { uuid } = (await post('1.39', {})).body;
  const remove = (version: string, query: string) =>
    member.request({
      method: 'DELETE',
      path: `/container/v1/containers/${uuid}?${query}`,
      headers: { 'openstack-api-version': `container ${version}`, 'content-type': 'application/octet-stream' },
    });
  t.is((await remove('1.11', 'stop=True')).status, 400);
  t.is((await remove('1.6', 'force=True')).status, 400);
  t.is((await remove('1.39', 'force=True')).status, 403);
  t.is((await remove('1.39', 'force=False&stop=True&all_projects=False')).status, 204);
});

test('lists are pages of what one may see, filtered and sorted, and a name stands for one container', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, run } = await prepareContainers(t, cloud);
  const ids = [await run({ name: 'aa', memory: 32 }), await run({ name: 'bb' }), await run({ name: 'bb' })];
  const uuids = async (query: string) =>
    (await ask('GET', query, 200)).containers.map(({ uuid }: { uuid: string }) => uuid);
  t.deepEqual(await uuids(''), ids);
  t.deepEqual(await uuids('?sort_key=id&sort_dir=desc&limit=1'), [ids[2]]);
  const first = await ask('GET', '?limit=2', 200);
  t.is(first.next, `http://cloud.test/container/v1/containers?limit=2&marker=${ids[1]}`);
  t.deepEqual(await uuids(new URL(first.next).search), [ids[2]]);
  t.deepEqual(await uuids('?memory=32&status=Creating&image=box&name=aa&auto_remove=False'), [ids[0]]);
  t.deepEqual(await uuids('?status=Running'), []);
  for (const query of [
    '?limit=0',
    '?limit=x',
    '?colour=blue',
    '?sort_dir=up&sort_key=id',
    '?sort_key=secret',
    '?marker=x',
  ])
    await ask('GET', query, 400);
  await ask('GET', '?all_projects=true', 403);
  const { errors } = await ask('GET', '/bb', 409);
  t.is(errors[0].detail, 'Multiple containers exist with same name. Please use the container uuid instead.');
  t.is((await ask('GET', '/aa', 200)).uuid, ids[0]);

  const stranger = cloud.as('stranger');
  for (const ident of [ids[0], 'aa', randomUUID(), '%00', "a'b"])
    t.is((await stranger.request({ method: 'GET', path: `/container/v1/containers/${ident}` })).status === 200, false);
  await stranger.get(`/container/v1/containers/${ids[0]}`, 404);
  t.deepEqual((await stranger.get('/container/v1/containers')).containers, []);
  const all = await cloud.as('admin').get('/container/v1/containers?all_projects=1');
  t.is(all.containers.length, 3);
  t.is(all.containers[0].host, 'host-1');
  t.false('host' in (await ask('GET', `/${ids[0]}`, 200)));
  await cloud.as('reader').get(`/container/v1/containers/${ids[0]}`);
  await cloud.as('reader').delete(`/container/v1/containers/${ids[0]}`, 403);
  await cloud.as('reader').get(`/container/v1/containers/${ids[0]}/logs`, 403);
});

test('logs and commands come from the host of the container', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, run, show, host } = await prepareContainers(t, cloud);
  const id = await run({ command: ['echo', 'one\ntwo'] });
  const runs = await run({ name: 'runs' });
  await cloud.settle();
  t.is((await show(id)).status, 'Stopped');
  const hosts = cloud.modules.find(({ service }) => service.name === 'compute')?.agents ?? [];
  const calls = hosts.find(({ name }) => name === 'host-calls');
  /** Answers as the host's agent does, while the request waits. */
  const answered = async <T>(request: Promise<T>): Promise<T> => {
    let isDone = false;
    const watch = (async () => {
      while (!isDone) {
        for (const call of (await calls?.pending(10)) ?? []) await calls?.reconcile(call);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    try {
      return await request;
    } finally {
      isDone = true;
      await watch;
    }
  };
  t.is(await answered(ask('GET', `/${id}/logs`, 200)), 'one\ntwo\n');
  t.is(await answered(ask('GET', `/${id}/logs?stdout=True&stderr=False&tail=1&since=0`, 200)), 'two\n');
  t.is(await answered(ask('GET', `/${id}/logs?since=2017-01-01 00:00:00,000`, 200)), 'one\ntwo\n');
  for (const query of ['tail=x', 'since=yesterday', 'stdout=perhaps', 'follow=true'])
    await ask('GET', `/${id}/logs?${query}`, 400);

  const command = encodeURIComponent('"echo" "ab" "c d"');
  const done = await answered(ask('POST', `/${runs}/execute?command=${command}&run=True`, 200));
  t.deepEqual(done, { output: 'ab c d\n', exit_code: 0, exec_id: null, token: null });
  const missing = await answered(ask('POST', `/${runs}/execute?command=nope`, 200));
  t.is(missing.exit_code, 127);
  await ask('POST', `/${runs}/execute?command=echo%20%00`, 400);
  const guest = host.containers.get(runs);
  if (guest) guest.output = 'a\0b\ud800\n'; // what the database cannot hold
  t.is(await answered(ask('GET', `/${runs}/logs`, 200)), 'a\ufffdb\ufffd\n');
  const stopped = await ask('POST', `/${id}/execute?command=echo`, 409);
  t.is(stopped.errors[0].detail, `Cannot execute container ${id} in Stopped state`);
  for (const query of ['', '?command=', '?command=%22', '?command=ls&interactive=True', '?command=ls&run=False'])
    await ask('POST', `/${runs}/execute${query}`, 400);
  await ask('POST', `/${runs}/kill?signal=SIGHUP`, 400);
  await ask('POST', `/${runs}/stop?timeout=301`, 400);
});

test('servers and containers share one quota of processors and memory, and containers have one of their number', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask } = await prepareContainers(t, cloud);
  const member = cloud.as('member');
  const over = await ask('POST', '', 403, { image: 'box', cpu: 20.5 });
  t.is(over.errors[0].detail, 'Quota exceeded for cores: Requested 21, but already used 0 of 20 cores');
  await ask('POST', '', 202, { image: 'box', cpu: 19.5, memory: 1024 });
  await ask('POST', '', 403, { image: 'box', cpu: 1.5 });
  const { limits } = await member.get('/compute/v2.1/limits');
  t.like(limits.absolute, { totalInstancesUsed: 0, totalCoresUsed: 20, totalRAMUsed: 1024 });
  const get = (path: string) =>
    member.request({ method: 'GET', path: `/container/v1/quotas/${path}`, headers: newest });
  const used = await get(`${member.projectId}?usages=True`);
  t.deepEqual(used.body, {
    containers: { limit: containerLimit, in_use: 1 },
    cpu: { limit: 20, in_use: 20 },
    memory: { limit: 51_200, in_use: 1024 },
    disk: { limit: -1, in_use: 0 },
  });
  t.deepEqual((await get(`${member.projectId}/defaults`)).body, { containers: 40, cpu: 20, memory: 51_200, disk: -1 });
  t.is((await get(cloud.as('stranger').projectId)).status, 403);
});

test('a container that fits nowhere is in error, says why, and can be deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, show } = await prepareContainers(t, cloud);
  await cloud.db('compute_hosts').update({ memory_mib: 1024 });
  const { uuid } = await ask('POST', '?run=true', 202, { image: 'box', memory: 4096 });
  const failed = await show(uuid);
  t.is(failed.status, 'Error');
  t.regex(failed.status_reason, /No valid host was found.*RamFilter/);
  t.deepEqual(failed.addresses, {});
  await ask('POST', `/${uuid}/start`, 409);
  await ask('DELETE', `/${uuid}`, 204);
  await ask('GET', `/${uuid}`, 404);
});

test('a container takes a given port, address or network, and gives a port back', async (t) => {
  const cloud = await startTestCloud(t);
  const { ask, networkId } = await prepareContainers(t, cloud);
  const member = cloud.as('member');
  const { port } = await member.post('/network/v2.0/ports', { port: { network_id: networkId, name: 'mine' } });
  const nets = [{ port: port.id }, { network: 'private', 'v4-fixed-ip': '10.0.0.77' }];
  const created = await ask('POST', '?run=true', 202, { image: 'box', nets });
  const [first, second] = created.addresses[networkId];
  t.like(first, { port: port.id, preserve_on_delete: true });
  t.like(second, { addr: '10.0.0.77', version: 4, preserve_on_delete: false });
  await ask('POST', '', 409, { image: 'box', nets: [{ port: port.id }] });
  await ask('POST', '', 409, { image: 'box', nets: [{ network: networkId, 'v4-fixed-ip': '10.0.0.77' }] });
  await cloud.settle();
  await ask('DELETE', `/${created.uuid}?stop=1`, 204);
  await cloud.settle();
  t.is((await member.get(`/network/v2.0/ports/${port.id}`)).port.device_id, '');
  await member.get(`/network/v2.0/ports/${second.port}`, 404);

  await member.post('/network/v2.0/networks', { network: { name: 'other' } });
  const { errors } = await ask('POST', '', 409, { image: 'box' });
  t.regex(errors[0].detail, /Multiple possible networks found/);
  const none = await cloud.as('stranger').request({
    method: 'POST',
    path: '/container/v1/containers',
    body: { image: 'box' },
  });
  t.is(none.status, 409);
});
