/** Open vSwitch: its database and its switch. Without the kernel's module, packets are switched in user space. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { attempt, execute, succeeds } from '../execute.ts';
import { becomes } from '../processes.ts';
import { isOurs, startScripted, stopScripted } from './ctl-scripts.ts';
import { type Engine, fail, type HostContext, hasSystemd, ok, startUnits, stopUnits, warn } from './engine.ts';

export const integrationBridge = 'br-int';
export const externalBridge = 'br-ex';

/** `system` is the kernel's datapath, `netdev` the one in user space. */
export type DatapathType = 'system' | 'netdev';

export const ovs: Engine = {
  name: 'Open vSwitch',

  answers: async () => (await databaseAnswers()) && (await switchAnswers()),

  async check() {
    const name = 'Open vSwitch';
    const version = await attempt('ovs-vsctl', ['--timeout=5', 'get', 'Open_vSwitch', '.', 'ovs_version']).catch(
      () => null,
    );
    if (version?.exitCode !== 0) return [fail(name, 'its database does not answer', 'Run bin/up.')];
    if (!(await switchAnswers())) return [fail(name, 'ovs-vswitchd does not answer', 'Run bin/up.')];
    const found = version.stdout.trim().replaceAll('"', '');
    if ((await datapathType()) === 'system') return [ok(name, `${found}, kernel datapath`)];
    const advice = 'Load the openvswitch kernel module before the first bin/up to switch packets in the kernel.';
    return [warn(name, `${found}, userspace datapath: works, but slower`, advice)];
  },

  async start(context) {
    await attempt('modprobe', ['openvswitch']).catch(() => {}); // absent in many containers; then it is user space
    if (await ovs.answers(context)) return 'already running';
    if (hasSystemd()) await startUnits(context, ['openvswitch-switch']);
    else await startByHand(context);
    if (!(await becomes(() => ovs.answers(context), 30))) {
      throw new Error('Open vSwitch does not answer; its logs are in /var/log/openvswitch or under the data directory');
    }
    return 'started';
  },

  async stop(context) {
    if (hasSystemd()) return stopUnits(context, ['openvswitch-switch']);
    // The script's own way leaves the userspace datapath's taps behind.
    if (await isOurs(context, switchd))
      await attempt('ovs-appctl', ['--timeout=20', '-t', 'ovs-vswitchd', 'exit', '--cleanup']);
    await stopScripted(context, switchd, ['--no-ovsdb-server', 'stop']);
    await stopScripted(context, database, ['--no-ovs-vswitchd', 'stop']);
  },
};

const script = '/usr/share/openvswitch/scripts/ovs-ctl';
const database = { name: 'ovsdb-server', script, pidFile: '/var/run/openvswitch/ovsdb-server.pid' };
const switchd = { name: 'ovs-vswitchd', script, pidFile: '/var/run/openvswitch/ovs-vswitchd.pid' };

async function startByHand(context: HostContext): Promise<void> {
  const identity = [`--system-id=${hostname()}`, '--no-record-hostname'];
  await startScripted(context, database, ['--no-ovs-vswitchd', ...identity, 'start']);
  await startScripted(context, switchd, ['--no-ovsdb-server', ...identity, 'start']);
}

function databaseAnswers(): Promise<boolean> {
  return succeeds('ovs-vsctl', ['--timeout=5', '--no-wait', 'show']);
}

function switchAnswers(): Promise<boolean> {
  return succeeds('ovs-appctl', ['--timeout=5', '-t', 'ovs-vswitchd', 'version']);
}

/** What bridges have, or will get on this kernel. */
export async function datapathType(): Promise<DatapathType> {
  const bridge = await attempt('ovs-vsctl', ['--timeout=5', 'get', 'Bridge', integrationBridge, 'datapath_type']);
  if (bridge.exitCode === 0) return bridge.stdout.includes('netdev') ? 'netdev' : 'system';
  return existsSync('/sys/module/openvswitch') ? 'system' : 'netdev';
}

/** Removes both bridges and with them every port on them. */
export async function purgeBridges(): Promise<void> {
  for (const bridge of [integrationBridge, externalBridge]) {
    await execute('ovs-vsctl', ['--timeout=10', '--if-exists', 'del-br', bridge]);
  }
}

/** A value of the Open_vSwitch table's external_ids, undefined when it is not set. */
export async function getExternalId(key: string): Promise<string | undefined> {
  const { stdout } = await attempt('ovs-vsctl', [
    '--timeout=5',
    '--if-exists',
    'get',
    'Open_vSwitch',
    '.',
    `external_ids:${key}`,
  ]);
  const value = stdout.trim().replace(/^"(.*)"$/, '$1');
  return value === '' ? undefined : value;
}

/** Sets external_ids; a null removes one. */
export async function setExternalIds(values: Record<string, string | null>): Promise<void> {
  for (const [key, value] of Object.entries(values)) {
    if (value === null)
      await execute('ovs-vsctl', ['--timeout=10', 'remove', 'Open_vSwitch', '.', 'external_ids', key]);
    else await execute('ovs-vsctl', ['--timeout=10', 'set', 'Open_vSwitch', '.', `external_ids:${key}="${value}"`]);
  }
}
