/** Somebody else takes away what we made; it comes back, and the owner can read why it was away. */
import { execFile } from 'node:child_process';
import { isDeepStrictEqual, promisify } from 'node:util';
import test from 'ava';
import { hostState } from '../end-to-end/host-state.ts';
import { startRealCloud, until } from '../end-to-end/real-cloud.ts';
import { imageKinds, kinds, newOnHost, prepareGuests, untilNothingIsLeft } from './ground.ts';

const execute = promisify(execFile);
const run = async (command: string, ...args: string[]) => (await execute(command, args)).stdout.trim();
const virsh = (...args: string[]) => run('virsh', '-c', 'qemu:///system', ...args);

test('guests and networks that somebody else destroys come back, and go when asked to', async (t) => {
  const cloud = await startRealCloud(t);
  const guests = await prepareGuests(cloud);
  const before = await hostState(cloud.dataDir);
  const [serverId, containerId] = (await Promise.all(kinds.map((kind) => guests.create(kind, 'victim')))) as [
    string,
    string,
  ];
  const untilBoth = () =>
    Promise.all([guests.untilRunning('server', serverId), guests.untilRunning('container', containerId)]);
  await untilBoth();
  const [domain, container] = [`cs-${serverId}`, `cs-${containerId}`];

  const startOfServer = () => run('cat', `/run/libvirt/qemu/${domain}.pid`).catch(() => '');
  const startOfContainer = () =>
    run('docker', 'inspect', '--format', '{{.State.StartedAt}}', container).catch(() => '');
  const isPlugged = async () => {
    const { bridgePorts = [], logicalPorts = [] } = await newOnHost(cloud, before);
    return bridgePorts.length === 2 && logicalPorts.length === 2;
  };
  const comesBack = async (what: string, startOf: () => Promise<string>, destroy: () => Promise<unknown>) => {
    const begin = performance.now();
    const start = await startOf();
    await destroy();
    await until(`after ${what}, it has started anew`, async () => !['', start].includes(await startOf()));
    await untilBoth();
    await until(`after ${what}, it is plugged again`, isPlugged);
    t.log(`${what}: ${Math.round(performance.now() - begin)} ms`);
  };
  const destroyAndUndefine = async () => {
    await virsh('undefine', domain); // first: a domain that is only destroyed is started again at once
    await virsh('destroy', domain);
  };
  const kill9 = async (pid: string) => process.kill(Number(pid), 'SIGKILL');
  const whileAway = (destroy: () => Promise<unknown>) => async () => {
    await cloud.kill();
    await destroy();
    await cloud.start();
  };
  const removeContainer = () => run('docker', 'rm', '--force', container);

  await comesBack('virsh destroy', startOfServer, () => virsh('destroy', domain));
  await comesBack('virsh destroy and undefine', startOfServer, destroyAndUndefine);
  await comesBack('kill of QEMU', startOfServer, async () => kill9(await startOfServer()));
  await comesBack('virsh destroy and undefine while we are away', startOfServer, whileAway(destroyAndUndefine));
  await comesBack('docker kill', startOfContainer, () => run('docker', 'kill', container));
  await comesBack('docker rm -f', startOfContainer, removeContainer);
  await comesBack('docker rm -f while we are away', startOfContainer, whileAway(removeContainer));

  const { instanceActions } = (
    await cloud.ask('member', 'GET', `/compute/v2.1/servers/${serverId}/os-instance-actions`)
  ).body;
  const reasons = instanceActions.map(({ message }: { message: string | null }) => message).filter(Boolean);
  t.deepEqual(reasons.toSorted(), [
    'The guest had crashed; it is started again.',
    'The guest was gone from its host; it is started again.',
    'The guest was gone from its host; it is started again.',
    "The guest's power had been cut; it is started again.",
  ]);

  const picture = await drawing();
  const { portGroups, dhcpOptions } = await hostState(cloud.dataDir);
  const { ports } = (await cloud.ask('member', 'GET', `/network/v2.0/ports?network_id=${guests.networkId}`)).body;
  const isRedrawn = async (what: string, destroy: () => Promise<void>) => {
    const begin = performance.now();
    await destroy();
    await until(`after ${what}, all is as it was`, async () => isDeepStrictEqual(await drawing(), picture));
    t.log(`${what}: ${Math.round(performance.now() - begin)} ms`);
  };
  const removePorts = async () => {
    for (const { id } of ports) await run('ovn-nbctl', '--if-exists', 'lsp-del', id);
  };
  const removeAll = async () => {
    await removePorts();
    for (const id of dhcpOptions) await run('ovn-nbctl', 'dhcp-options-del', id);
    await run('ovn-nbctl', 'ls-del', `cs-net-${guests.networkId}`);
    for (const group of portGroups) await run('ovn-nbctl', 'destroy', 'Port_Group', group);
  };
  const damage = async () => {
    for (const { id } of ports)
      await run('ovn-nbctl', 'clear', 'Logical_Switch_Port', id, 'port_security', 'dhcpv4_options');
    for (const group of portGroups) await run('ovn-nbctl', 'clear', 'Port_Group', group, 'acls', 'ports');
  };
  await isRedrawn('lsp-del', removePorts);
  // Of other rows nobody tells us: they are looked at once a minute, and whenever our process starts.
  await isRedrawn('the end of everything that the network is made of', whileAway(removeAll));
  await isRedrawn('damage that no list shows', whileAway(damage));

  // What is to go may have gone already.
  await cloud.kill();
  await destroyAndUndefine();
  await removeContainer();
  await removePorts();
  await cloud.start();
  const begin = performance.now();
  await Promise.all([guests.remove('server', serverId), guests.remove('container', containerId)]);
  await Promise.all([guests.untilGone('server', serverId), guests.untilGone('container', containerId)]);
  await untilNothingIsLeft(t, cloud, before, imageKinds);
  t.log(`deletion of what is gone: ${Math.round(performance.now() - begin)} ms`);
});

/** What OVN is told, without what it makes up itself. */
async function drawing(): Promise<string[]> {
  const tables = {
    Logical_Switch: 'name,ports',
    Logical_Switch_Port: 'name,addresses,port_security,dhcpv4_options,up',
    DHCP_Options: 'cidr,options',
    Port_Group: 'name,ports',
    ACL: 'direction,priority,match,action',
  };
  const rows = Object.entries(tables).map(async ([table, columns]) =>
    (await run('ovn-nbctl', '--format=csv', '--no-headings', `--columns=${columns}`, 'list', table)).split('\n'),
  );
  return (await Promise.all(rows)).flat().toSorted();
}
