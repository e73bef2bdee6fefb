import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { atVersion, hostFacts, prepareCompute } from '../testing.ts';

const v21 = '/compute/v2.1';
const facts = { ...hostFacts, vcpus: 4, memoryMib: 4096, diskGib: 100 };

test('compute services are told by number until 2.52 and by UUID from 2.53 on, and are enabled, disabled, forced down and forgotten', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const path = `${v21}/os-services`;
  const only = async (version: string) => (await atVersion(admin, version).get(path)).services[0];
  t.false('forced_down' in (await only('2.10')));
  t.is((await only('2.11')).forced_down, false);
  t.is(typeof (await only('2.52')).id, 'number');
  const { id } = await only('2.53');
  t.regex(id, /^[0-9a-f-]{36}$/);
  t.deepEqual((await admin.get(`${path}?binary=nova-scheduler`)).services, []);
  await atVersion(admin, '2.75').get(`${path}?strange=1`, 400);

  const byName = { host: 'host-1', binary: 'nova-compute' };
  const reason = { ...byName, disabled_reason: 'repair' };
  t.deepEqual(await admin.put(`${path}/disable-log-reason`, reason), { service: { ...reason, status: 'disabled' } });
  await admin.put(`${path}/disable-log-reason`, byName, 400);
  await admin.put(`${path}/disable`, { ...byName, binary: 'nova-scheduler' }, 400);
  await admin.put(`${path}/dance`, byName, 400);
  await admin.put(`${path}/force-down`, byName, 404);
  const at11 = atVersion(admin, '2.11');
  t.deepEqual(await at11.put(`${path}/force-down`, { ...byName, forced_down: 'True' }), {
    service: { ...byName, forced_down: true },
  });
  t.like(await only('2.11'), { forced_down: true, state: 'down', status: 'disabled' });
  await atVersion(admin, '2.53').put(`${path}/enable`, byName, 400);
  await atVersion(admin, '2.52').put(`${path}/${id}`, { status: 'enabled' }, 404);

  const now = atVersion(admin, '2.53');
  const one = `${path}/${id}`;
  await now.put(one, {}, 400);
  await now.put(one, { status: 'enabled', disabled_reason: 'x' }, 400);
  await now.put(one, { status: 'asleep' }, 400);
  await now.put(`${path}/x`, { status: 'enabled' }, 400);
  await now.put(`${path}/00000000-0000-4000-8000-000000000000`, { status: 'enabled' }, 404);
  t.like((await now.put(one, { status: 'enabled', forced_down: false })).service, { status: 'enabled', state: 'up' });

  await ground.createServer();
  await now.delete(one, 409);
  const spare = await reportHost(cloud.db, { name: 'spare', ...facts }, null);
  await now.delete(`${path}/${spare}`);
  await now.delete(`${path}/${spare}`, 404);
  await admin.delete(`${path}/x`, 400);
});

test('hypervisors come in pages from 2.33 on, with servers from 2.53 on, and without usage from 2.88 on', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const path = `${v21}/os-hypervisors`;
  const server = await ground.createServer();
  for (const name of ['rack2-a', 'rack2-b']) await reportHost(cloud.db, { name, ...facts }, null);
  const names = ({ hypervisors }: { hypervisors: { hypervisor_hostname: string }[] }) =>
    hypervisors.map((one) => one.hypervisor_hostname);
  t.deepEqual(names(await admin.get(`${path}?limit=1`)), ['host-1', 'rack2-a', 'rack2-b']);
  const at33 = atVersion(admin, '2.33');
  const first = await at33.get(`${path}/detail?limit=2`);
  t.deepEqual(names(first), ['host-1', 'rack2-a']);
  t.regex(first.hypervisors_links[0].href, /os-hypervisors\/detail\?limit=2&marker=\d+$/);
  t.deepEqual(names(await at33.get(`${path}?marker=${first.hypervisors[1].id}`)), ['rack2-b']);
  await at33.get(`${path}?marker=999`, 400);

  t.is(typeof (await atVersion(admin, '2.27').get(`${path}/detail`)).hypervisors[0].cpu_info, 'string');
  t.is(typeof (await atVersion(admin, '2.28').get(`${path}/detail`)).hypervisors[0].cpu_info, 'object');
  t.deepEqual(names(await admin.get(`${path}/rack2/search`)), ['rack2-a', 'rack2-b']);
  await admin.get(`${path}/rack3/search`, 404);
  const [hosting] = (await admin.get(`${path}/host-1/servers`)).hypervisors;
  t.deepEqual(hosting.servers, [{ name: `cs-${server}`, uuid: server }]);
  t.false('servers' in (await admin.get(`${path}/rack2-a/servers`)).hypervisors[0]);

  const now = atVersion(admin, '2.53');
  await now.get(`${path}/rack2/search`, 404);
  const found = (await now.get(`${path}?hypervisor_hostname_pattern=host&with_servers=True`)).hypervisors;
  t.is(found[0].servers[0].uuid, server);
  await now.get(`${path}?hypervisor_hostname_pattern=host&limit=1`, 400);
  await now.get(`${path}?hypervisor_hostname_pattern=nothing`, 404);
  await now.get(`${path}?strange=1`, 400);
  await now.get(`${path}/1`, 400);
  t.false('servers' in (await now.get(`${path}/${found[0].id}`)).hypervisor);
  t.is((await now.get(`${path}/${found[0].id}?with_servers=1`)).hypervisor.servers.length, 1);
  const [, empty] = (await atVersion(admin, '2.75').get(`${path}?with_servers=1`)).hypervisors;
  t.deepEqual(empty.servers, []);

  const { id: service } = (await atVersion(admin, '2.53').get('/compute/v2.1/os-services?host=rack2-a')).services[0];
  for (const [status, count] of [
    ['disabled', 2],
    ['enabled', 3],
  ] as const) {
    await atVersion(admin, '2.53').put(`/compute/v2.1/os-services/${service}`, { status });
    t.is((await atVersion(admin, '2.87').get(`${path}/statistics`)).hypervisor_statistics.count, count, status);
  }
  const newest = atVersion(admin, '2.88');
  await newest.get(`${path}/statistics`, 404);
  await newest.get(`${path}/${found[0].id}/uptime`, 404);
  const { hypervisor } = await newest.get(`${path}/${found[0].id}`);
  t.false('vcpus' in hypervisor);
  t.regex(hypervisor.uptime, / up /);
  t.like(hypervisor, { state: 'up', status: 'enabled', hypervisor_type: 'QEMU' });
});

test('until 2.42 hosts are told by their names, with what projects take of them, and are enabled and disabled', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  await createServer();
  await cloud.settle();
  const path = `${v21}/os-hosts`;
  const host = { host_name: 'host-1', service: 'compute', zone: 'nova' };
  t.deepEqual(await atVersion(admin, '2.42').get(path), { hosts: [host] });
  t.deepEqual(await admin.get(`${path}?zone=`), { hosts: [host] });
  t.deepEqual(await admin.get(`${path}?zone=elsewhere`), { hosts: [] });
  await atVersion(admin, '2.43').get(path, 404);
  await member.get(path, 403);

  const { host: parts } = await admin.get(`${path}/host-1`);
  const resources: { project: string; cpu: number; memory_mb: number }[] = parts.map(
    (one: { resource: object }) => one.resource,
  );
  t.deepEqual(
    resources.map((one) => one.project),
    ['(total)', '(used_now)', '(used_max)', member.projectId],
  );
  t.like(resources[3], { host: 'host-1', cpu: 1, memory_mb: 64, disk_gb: 1 });
  t.like(resources[1], { cpu: 1, memory_mb: 64 });
  await admin.get(`${path}/nowhere`, 404);

  t.deepEqual(await admin.put(`${path}/host-1`, { status: 'Disable' }), { host: 'host-1', status: 'disabled' });
  t.deepEqual(await admin.get(path), { hosts: [] });
  t.deepEqual(await admin.put(`${path}/host-1`, { status: 'enable' }), { host: 'host-1', status: 'enabled' });
  await admin.put(`${path}/host-1`, {}, 400);
  await admin.put(`${path}/host-1`, { status: 'off' }, 400);
  const refused = { notImplemented: { code: 501, message: 'The requested functionality is not supported.' } };
  t.deepEqual(await admin.put(`${path}/host-1`, { status: 'disable', maintenance_mode: 'enable' }, 501), refused);
  t.is((await admin.get(path)).hosts.length, 1); // nothing of it was done
  for (const word of ['startup', 'shutdown', 'reboot']) {
    t.deepEqual(await admin.get(`${path}/host-1/${word}`, 501), refused);
    await admin.get(`${path}/nowhere/${word}`, 404);
    await member.get(`${path}/host-1/${word}`, 403);
  }
});

test('extensions are those of Nova’s list that are here, and servers have no NUMA nodes', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const { extensions } = await member.get(`${v21}/extensions`);
  const aliases: string[] = extensions.map((one: { alias: string }) => one.alias);
  t.is(new Set(aliases).size, aliases.length);
  t.true(aliases.includes('os-hosts'));
  t.false(aliases.some((alias) => /volumes$|cells/.test(alias) && alias !== 'os-extended-volumes'));
  t.deepEqual((await member.get(`${v21}/extensions/NMN`)).extension, extensions[0]);
  await member.get(`${v21}/extensions/os-cells`, 404);

  const id = await createServer();
  const late = atVersion(member, '2.78');
  t.deepEqual(await late.get(`${v21}/servers/${id}/topology`), { nodes: [], pagesize_kb: null });
  await atVersion(member, '2.77').get(`${v21}/servers/${id}/topology`, 404);
  await atVersion(cloud.as('stranger'), '2.78').get(`${v21}/servers/${id}/topology`, 404);
});
