/** The `openstack` client's commands for servers: what is asked of one, from its making to its end, and how they are found. */
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { computeGround, makeComputeGround } from '../conformance/compute-ground.ts';
import { personas } from '../personas.ts';
import { startOpenstack } from './openstack.ts';

test('servers are made, found, changed, put away and brought back', async (t) => {
  t.timeout(180_000);
  const cloud = await startClientCloud(t);
  await makeComputeGround(cloud.url);
  const os = startOpenstack(t, cloud.url).with({ OS_COMPUTE_API_VERSION: '2.90' });
  const { project, password } = personas.member;
  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: password, OS_PROJECT_NAME: project });
  const refused = async (said: RegExp, command: string, ...args: string[]) => {
    const { code, stderr } = await member.attempt(command, ...args);
    t.is(code, 1, command);
    t.regex(stderr, said, command);
  };
  const listed = async (filter: string) =>
    (await member.run(`server list ${filter}`)).map(({ Name }: { Name: string }) => Name).sort();
  const image = `--image ${computeGround.image_ref}`;
  const create = `server create --flavor tempest-1 ${image}`;

  await member.run('network create inside');
  await member.run('subnet create --network inside --subnet-range 10.7.0.0/24 inside');
  const made = await member.run(`${create} --network inside --tag blue --property a=b --wait web`);
  t.like(made, { status: 'ACTIVE', tags: ['blue'], properties: { a: 'b' }, security_groups: [{ name: 'default' }] });
  await member.run(`${create} --nic none --use-config-drive --description odd --wait dark`);
  await refused(
    /must not have more than 255 characters/,
    `${create} --nic none --description`,
    'x'.repeat(256),
    'long',
  );
  await refused(/there are no volumes/, `${create} --nic none --boot-from-volume 1 volume`);
  await refused(/requested_destination/, `${create} --nic none --host host-1 forced`);
  const elsewhere = await os.attempt(`${create} --nic none --host nowhere forced`);
  t.regex(elsewhere.stderr, /Compute host nowhere could not be found.*HTTP 400/);

  await member.run('server stop dark');
  while ((await member.run('server show dark')).status !== 'SHUTOFF');
  for (const [filter, names] of [
    ['--status SHUTOFF', ['dark']],
    ['--config-drive', ['dark']],
    ['--no-config-drive', ['web']],
    ['--availability-zone nova', ['dark', 'web']],
    ['--tags blue', ['web']],
    ['--not-tags blue', ['dark']],
    ['--flavor tempest-2', []],
    ['--ip ^10.7', ['web']],
    ['--limit 1 --marker dark', ['web']],
    ['--changes-since 2999-01-01T00:00:00Z', []],
  ] as const)
    t.deepEqual(await listed(filter), [...names], filter);
  t.like((await member.run('server list --long --name web'))[0], {
    ...{ 'Power State': 1, 'Task State': null, 'Availability Zone': 'nova', Flavor: 'tempest-1' },
    Networks: { inside: made.addresses.inside },
  });

  await member.run('server lock web');
  await refused(/is locked/, 'server reboot web');
  await member.run('server unlock web');
  await member.run('server add network web inside');
  t.is((await member.run('server show web')).addresses.inside.length, 2);
  await member.run('server resize --flavor tempest-2 --wait web');
  t.is((await member.run('server show web')).status, 'VERIFY_RESIZE');
  await member.run('server resize confirm web');
  await member.run('server rebuild --wait web');
  await member.run('server backup create --name kept --wait web');
  t.is((await member.run('image list --name kept'))[0].Status, 'active');
  await member.run('server shelve --offload --wait web');
  await member.run('server unshelve --wait web');
  const actions: { Action: string }[] = await member.run('server event list web');
  t.deepEqual(
    actions.map(({ Action }) => Action),
    [
      'unshelve',
      'shelve',
      'createBackup',
      'rebuild',
      'confirmResize',
      'resize',
      'attach_interface',
      'unlock',
      'lock',
    ].concat('create'),
  );
  await member.run('server delete --wait web dark');
  t.deepEqual(await listed('-n'), []);
  t.deepEqual(cloud.errors(), []);
});
