/**
 * The way out of the cloud: br-ex with the host's address in the external network, and the host forwarding between it
 * and the world, with source NAT. All of it is in one nftables table of ours, so that one command takes it away.
 */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { attempt, execute, succeeds } from '../execute.ts';
import { becomes } from '../processes.ts';
import { type Engine, type Finding, fail, type HostContext, ok, runPath } from './engine.ts';
import { datapathType, externalBridge } from './ovs.ts';

const table = 'cirrostack';
const forwardingSwitch = '/proc/sys/net/ipv4/ip_forward';

export const externalNetwork: Engine = {
  name: 'Way to the world',

  answers: async (context) => (await externalNetwork.check(context)).every(({ level }) => level === 'ok'),

  async check(context) {
    return [await checkBridge(context), await checkForwarding(), await checkRules()];
  },

  async start(context) {
    if (await externalNetwork.answers(context)) return 'already there';
    await writeFile(markPath(context), 'made by bin/up\n'); // first: half of it is ours to undo, too
    await makeBridge(context);
    await switchForwarding(context);
    await execute('nft', ['--file', '-'], { input: rules(context) });
    await passDockersFirewall('--insert');
    return `${context.externalCidr} behind ${context.externalGateway}`;
  },

  async stop(context) {
    if (!existsSync(markPath(context))) return;
    await passDockersFirewall('--delete');
    await attempt('nft', ['delete', 'table', 'inet', table]).catch(() => {});
    await restoreForwarding(context);
    // Without Open vSwitch the bridge is gone already, and comes back from its database with its next start.
    await attempt('ovs-vsctl', ['--timeout=10', '--if-exists', 'del-br', externalBridge]).catch(() => {});
    await rm(markPath(context), { force: true });
  },
};

function markPath(context: HostContext): string {
  return runPath(context, 'external-network');
}

async function makeBridge({ externalGateway, externalCidr }: HostContext): Promise<void> {
  const type = await datapathType();
  await execute('ovs-vsctl', [
    '--timeout=20',
    '--may-exist',
    'add-br',
    externalBridge,
    '--',
    'set',
    'Bridge',
    externalBridge,
    `datapath_type=${type}`,
  ]);
  // A bridge that was in the database already is made whenever a starting vswitchd comes to it.
  if (!(await becomes(() => succeeds('ip', ['link', 'show', externalBridge]), 20))) {
    throw new Error(`Open vSwitch does not make ${externalBridge}; its log says why`);
  }
  await execute('ip', [
    'address',
    'replace',
    `${externalGateway}/${externalCidr.split('/')[1]}`,
    'dev',
    externalBridge,
  ]);
  await execute('ip', ['link', 'set', externalBridge, 'up']);
}

function rules({ externalCidr }: HostContext): string {
  return `
table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain forward {
    type filter hook forward priority filter; policy accept;
    # What a provider serves to this host on link-local addresses (its own credentials among it) is not for tenants.
    iifname "${externalBridge}" ip daddr 169.254.0.0/16 drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${externalCidr} oifname != "${externalBridge}" masquerade
  }
}
`;
}

/** A Docker that manages the host's firewall drops everything that it does not know, except for what this chain accepts. */
async function passDockersFirewall(change: '--insert' | '--delete'): Promise<void> {
  for (const direction of ['--in-interface', '--out-interface']) {
    const rule = ['DOCKER-USER', direction, externalBridge, '--jump', 'ACCEPT'];
    const there = await attempt('iptables', ['--wait', '--check', ...rule]).catch(() => undefined);
    const chain = await attempt('iptables', ['--wait', '--numeric', '--list', 'DOCKER-USER']).catch(() => undefined);
    if (chain?.exitCode !== 0 || (there?.exitCode === 0) === (change === '--insert')) continue;
    await execute('iptables', ['--wait', change, ...rule]);
  }
}

async function switchForwarding(context: HostContext): Promise<void> {
  const now = (await readFile(forwardingSwitch, 'utf8')).trim();
  if (now === '1') return;
  await writeFile(runPath(context, 'ip-forward-was'), now);
  await writeFile(forwardingSwitch, '1');
}

async function restoreForwarding(context: HostContext): Promise<void> {
  const was = await readFile(runPath(context, 'ip-forward-was'), 'utf8').catch(() => undefined);
  if (was === undefined) return;
  await writeFile(forwardingSwitch, was);
  await rm(runPath(context, 'ip-forward-was'), { force: true });
}

async function checkBridge({ externalGateway }: HostContext): Promise<Finding> {
  const name = 'external bridge';
  // A switch that was killed leaves its interface, address and all, and nothing that carries a packet.
  if (!(await succeeds('ovs-vsctl', ['--timeout=5', 'br-exists', externalBridge])))
    return fail(name, `Open vSwitch has no ${externalBridge}`, 'Run bin/up.');
  const { stdout } = await attempt('ip', ['-json', 'address', 'show', 'dev', externalBridge]);
  const [link] = JSON.parse(stdout || '[]') as { addr_info: { local: string }[]; flags: string[] }[];
  if (link === undefined) return fail(name, `${externalBridge} is not there`, 'Run bin/up.');
  if (!link.flags.includes('UP')) return fail(name, `${externalBridge} is down`, 'Run bin/up.');
  if (link.addr_info.some(({ local }) => local === externalGateway))
    return ok(name, `${externalBridge} has ${externalGateway}`);
  return fail(name, `${externalBridge} has not got ${externalGateway}`, 'Run bin/up.');
}

async function checkForwarding(): Promise<Finding> {
  const on = (await readFile(forwardingSwitch, 'utf8')).trim() === '1';
  return on ? ok('IP forwarding', 'on') : fail('IP forwarding', 'off', 'Run bin/up, or sysctl net.ipv4.ip_forward=1.');
}

async function checkRules(): Promise<Finding> {
  const { exitCode } = await attempt('nft', ['list', 'table', 'inet', table]).catch(() => ({ exitCode: 1 }));
  if (exitCode === 0) return ok('NAT to the world', `nftables table inet ${table}`);
  return fail('NAT to the world', `no nftables table inet ${table}`, 'Run bin/up.');
}
