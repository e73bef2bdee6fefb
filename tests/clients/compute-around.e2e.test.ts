/** The `openstack` client's commands for what is around servers: sizes, keys, groups, hosts, limits and usage. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { generateSshKeypair } from '../../compute/keypairs/keypair.ts';
import { startClientCloud } from '../conformance/cloud.ts';
import { personas } from '../personas.ts';
import { startOpenstack } from './openstack.ts';

test('flavors, keys, groups, aggregates, hosts, quotas and usage are shown and changed', async (t) => {
  t.timeout(180_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const { project, password } = personas.member;
  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: password, OS_PROJECT_NAME: project });
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-around-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const names = (rows: { Name: string }[]) => rows.map(({ Name }) => Name).sort();

  await os.run(
    'flavor create --ram 64 --vcpus 1 --disk 1 --ephemeral 1 --swap 8 --property hw:cpu_policy=shared small',
  );
  await os.run('flavor set --property tier=gold --property old=x small');
  await os.run('flavor unset --property old small');
  t.like(await os.run('flavor show small'), { swap: 8, 'OS-FLV-EXT-DATA:ephemeral': 1 });
  t.deepEqual((await os.run('flavor show small')).properties, { 'hw:cpu_policy': 'shared', tier: 'gold' });
  await os.run('flavor create --private --ram 64 --vcpus 1 --disk 1 hidden');
  t.deepEqual(names(await member.run('flavor list')), ['small']);
  await os.run(`flavor set --project ${project} hidden`);
  t.deepEqual(names(await member.run('flavor list')), ['hidden', 'small']);
  await os.run(`flavor unset --project ${project} hidden`);
  await os.run('flavor delete hidden');

  const file = join(directory, 'key.pub');
  await writeFile(file, (await generateSshKeypair('me')).publicKey);
  await member.run('keypair create --public-key', file, 'mine');
  t.is((await member.run('keypair show mine')).name, 'mine');
  t.deepEqual(names(await member.run('keypair list')), ['mine']);
  await member.run('keypair delete mine');

  const group = await member.run('server group create --policy anti-affinity apart');
  t.is((await member.run('server group show apart')).id, group.id);
  t.deepEqual(names(await os.run('server group list --all-projects')), ['apart']);
  await member.run('server group delete apart');

  await os.run('aggregate create --zone east --property ssd=true fast');
  const [{ Host: host }] = await os.run('compute service list --service nova-compute');
  await os.run(`aggregate add host fast ${host}`);
  await os.run('aggregate set --name faster --property tier=gold fast');
  await os.run('aggregate unset --property ssd faster');
  t.like(await os.run('aggregate show faster'), { hosts: [host], availability_zone: 'east' });
  const zones: { 'Zone Name': string }[] = await member.run('availability zone list --compute');
  t.true(zones.some((zone) => zone['Zone Name'] === 'east'));
  await os.run('availability zone list --compute --long');
  await os.run(`aggregate remove host faster ${host}`);
  t.deepEqual(names(await os.run('aggregate list')), ['faster']);
  await os.run('aggregate delete faster');

  await os.run(`compute service set --disable --disable-reason repair ${host} nova-compute`);
  t.is((await os.run('compute service list --long'))[0]['Disabled Reason'], 'repair');
  await os.run(`compute service set --enable ${host} nova-compute`);
  t.is((await os.run('hypervisor list'))[0].State, 'up');
  await os.run('hypervisor list --long');
  t.is((await os.run(`hypervisor show ${host}`)).state, 'up');
  t.is((await os.run('hypervisor stats show')).count, 1);
  t.is((await os.run('host list'))[0]['Host Name'], host);
  await os.run(`host set --disable ${host}`);
  t.deepEqual(await os.run('host list'), []);
  await os.run(`host set --enable ${host}`);
  t.is((await os.run(`host show ${host}`))[0].Project, '(total)');
  const extensions: { Alias: string }[] = await member.run('extension list --compute');
  t.true(extensions.some(({ Alias }) => Alias === 'os-hosts'));

  await os.run(`quota set --cores 7 --ram 1024 --server-groups 3 ${project}`);
  const quota = await os.run(`quota show ${project}`);
  t.like(quota, { cores: 7, ram: 1024, 'server-groups': 3 });
  await os.run('quota set --class --key-pairs 50 default');
  await os.run(`quota list --detail --compute --project ${project}`);
  const limits: { Name: string; Value: number }[] = await member.run('limits show --absolute');
  t.is(limits.find(({ Name }) => Name === 'maxTotalCores')?.Value, 7);
  t.is(limits.find(({ Name }) => Name === 'maxTotalKeypairs')?.Value, 50);
  await os.run('usage list --start 2026-01-01');
  await member.run('usage show --start 2026-01-01');
  t.deepEqual(cloud.errors(), []);
});
