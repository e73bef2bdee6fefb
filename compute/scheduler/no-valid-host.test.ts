/** Where no host fits, the server's fault and the log say why: filter by filter, how many hosts each left, and what would have helped. */
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { hostFacts, prepareCompute } from '../testing.ts';

test('no valid host is explained filter by filter, in the fault of the server and in the log', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show } = await prepareCompute(t, cloud);
  const admin = cloud.as('admin');
  const report = (name: string, memoryMib: number, diskGib = 100) =>
    reportHost(cloud.db, { name, vcpus: 4, memoryMib, diskGib, ...hostFacts }, null);
  await report('narrow', 1024);
  await report('wider', 1500);
  await report('flat', 65_536, 5);
  await admin.put('/compute/v2.1/os-services/disable-log-reason', {
    host: 'host-1',
    binary: 'nova-compute',
    disabled_reason: 'its fan is broken',
  });
  const quota_set = { instances: -1, cores: -1, ram: -1 };
  await admin.put(`/compute/v2.1/os-quota-sets/${cloud.as('member').projectId}`, { quota_set }, 200);
  const makeFlavor = async (id: string, size: object, extra_specs?: Record<string, string>) => {
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram: 64, vcpus: 1, disk: 1, ...size } }, 200);
    if (extra_specs) await admin.post(`/compute/v2.1/flavors/${id}/os-extra_specs`, { extra_specs }, 200);
  };
  await makeFlavor('large', { ram: 2048, disk: 10 });
  await makeFlavor('many', { vcpus: 65 });
  await makeFlavor('gpu', {}, { 'trait:CUSTOM_GPU': 'required' });
  await makeFlavor('foreign', {}, { 'capabilities:hypervisor_type': 'ironic' });
  await makeFlavor('aggregated', {}, { 'aggregate_instance_extra_specs:ssd': 'true' });
  const without = 'ComputeFilter refused 1 host \\(disabled\\), 3 left; ';
  const anchor = await createServer({ networks: [] });
  const { server_group } = await cloud
    .as('member')
    .post('/compute/v2.1/os-server-groups', { server_group: { name: 'apart', policies: ['anti-affinity'] } }, 200);

  /** What is asked for, what the fault says, and what it says of one host to administrators. */
  const cases: [asked: object, reason: string, details: string][] = [
    [
      { flavorRef: 'large' },
      `${without}RamFilter refused 2 hosts \\(at best \\d+ MiB of memory missing\\), 1 left; DiskFilter refused 1 host \\(\\d+ GiB of disk missing\\)\\.`,
      'narrow: RamFilter: 2048 MiB of memory asked for, \\d+ of 512 free',
    ],
    [
      { flavorRef: 'many' },
      `${without}CoreFilter refused 3 hosts \\(at best \\d+ VCPUs missing\\)\\.`,
      'flat: CoreFilter: 65 VCPUs asked for, \\d+ of 64 free',
    ],
    [
      { flavorRef: 'gpu' },
      `${without}RequiredTraitsFilter refused 3 hosts \\(without the trait CUSTOM_GPU\\)\\.`,
      'flat: RequiredTraitsFilter: without the trait CUSTOM_GPU',
    ],
    [
      { flavorRef: 'foreign' },
      `${without}ComputeCapabilitiesFilter refused 3 hosts \\(the flavor asks for .*ironic.*\\)\\.`,
      'wider: ComputeCapabilitiesFilter: the flavor asks for',
    ],
    [
      { flavorRef: 'aggregated' },
      `${without}AggregateInstanceExtraSpecsFilter refused 3 hosts \\(in no aggregate with ssd true\\)\\.`,
      'wider: AggregateInstanceExtraSpecsFilter: ',
    ],
  ];
  for (const [asked, reason, details] of cases) await check(await createServer(asked), reason, details);

  const hinted = async (hints: object) => {
    const server = { name: 'hinted', flavorRef: 'tiny', imageRef: await imageOf(anchor), networks: 'none' };
    const body = { server, 'os:scheduler_hints': hints };
    const newest = { method: 'POST', path: '/compute/v2.1/servers', body };
    const answer = await cloud
      .as('member')
      .request({ ...newest, headers: { 'openstack-api-version': 'compute 2.37' } });
    t.is(answer.status, 202, answer.text);
    return answer.body.server.id as string;
  };
  for (let one = 0; one < 3; one += 1)
    t.not(
      (await show(await hinted({ group: server_group.id }))).status,
      'ERROR',
      'there are three hosts for the group',
    );
  await check(
    await hinted({ group: server_group.id }),
    `${without}ServerGroupAntiAffinityFilter refused 3 hosts \\(as many servers of the group as may be together \\(1\\) are on it\\)\\.`,
    'narrow: ServerGroupAntiAffinityFilter: as many servers of the group as may be together \\(1\\) are on it',
  );
  await cloud.db('compute_hosts').update({ is_disabled: false });
  await cloud.db('compute_hosts').whereNot({ name: 'narrow' }).update({ is_forced_down: true });
  await check(
    await hinted({ different_host: [await anyOn('narrow')] }),
    'ComputeFilter refused 3 hosts( \\(.*\\))?, 1 left; DifferentHostFilter refused 1 host \\(one of the named servers is on it\\)\\.',
    'narrow: DifferentHostFilter',
  );
  await check(
    await hinted({ same_host: [await anyOn('wider')] }),
    'ComputeFilter refused 3 hosts( \\(.*\\))?, 1 left; SameHostFilter refused 1 host \\(none of the named servers is on it\\)\\.',
    'narrow: SameHostFilter',
  );

  async function check(id: string, reason: string, details: string): Promise<void> {
    const seen = await show(id);
    t.is(seen.status, 'ERROR', reason);
    const told = `No valid host was found\\. There are not enough hosts available: ${reason}`;
    t.regex(seen.fault?.message ?? '', new RegExp(`^${told}$`));
    t.false('details' in (seen.fault ?? {}), 'hosts are for administrators');
    const byAdmin = (await admin.get(`/compute/v2.1/servers/${id}`)).server.fault;
    t.regex(byAdmin.details, new RegExp(`^${details}`, 'm'));
    t.is(byAdmin.details.split('\n').length, 4, 'host by host');
    const logged = cloud.logLines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'no valid host');
    t.like(logged.at(-1), { level: 40, reason: seen.fault?.message, details: byAdmin.details });
  }

  async function imageOf(id: string): Promise<string> {
    return ((await show(id)).image as { id: string }).id;
  }

  async function anyOn(name: string): Promise<string> {
    const row = await cloud
      .db('servers')
      .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
      .where('compute_hosts.name', name)
      .first('servers.id');
    return row.id;
  }
});
