/**
 * A whole OVN host of a test's own: databases, northd, Open vSwitch (userspace datapath) and ovn-controller, in a network
 * namespace and a temporary directory. So it disturbs no cloud that runs beside it, can be broken at will, and is gone without
 * a trace afterwards. Needs root and Debian's ovn-central, ovn-host, openvswitch-switch, iproute2, ethtool.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { PortSpec } from '../../driver.ts';
import { until } from './until.ts';

const run = promisify(execFile);

export const CHASSIS = 'test-host';
export const PHYSICAL_NETWORK = 'external';
/** The host's own address on the external network, outside OVN. */
export const OUTSIDE_ADDRESS = '172.24.4.1';

export type Daemon = 'switch-db' | 'northbound' | 'southbound' | 'vswitchd' | 'northd' | 'controller';

export interface Guest {
  /** Runs a command inside; throws when it fails. Returns what it printed. */
  run(command: string, ...args: string[]): Promise<string>;
  /** For what goes on until the test ends; the caller need not end it. */
  start(command: string, ...args: string[]): ChildProcess;
}

export class PrivateOvn {
  readonly northbound: string;
  readonly southbound: string;
  readonly #directory: string;
  readonly #namespace = `cst-${randomBytes(3).toString('hex')}`;
  readonly #guestNamespaces: string[] = [];
  readonly #daemons = new Map<Daemon, ChildProcess>();
  readonly #others: ChildProcess[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.northbound = `unix:${directory}/northbound.sock`;
    this.southbound = `unix:${directory}/southbound.sock`;
  }

  /** Started, with `br-ex` at `OUTSIDE_ADDRESS`; removed when the test ends. */
  static async start(t: ExecutionContext): Promise<PrivateOvn> {
    const ovn = new PrivateOvn(await mkdtemp(join(tmpdir(), 'ovn-')));
    t.teardown(() => ovn.#remove());
    await ovn.#start();
    return ovn;
  }

  /** The host, outside OVN: what is reachable from here is reachable from the external network. */
  get outside(): Guest {
    return this.#guest(this.#namespace);
  }

  /** Where its bridges are, and their database. */
  get host(): { bridgeNamespace: string; switchDatabase: string } {
    return { bridgeNamespace: this.#namespace, switchDatabase: this.#switchDb };
  }

  /** A network namespace plugged into the port as containers are, without an address yet. */
  async plug(port: PortSpec): Promise<Guest> {
    const namespace = `${this.#namespace}-${this.#guestNamespaces.length}`;
    this.#guestNamespaces.push(namespace);
    const tap = `tap${port.id.slice(0, 11)}`;
    await run('ip', ['netns', 'add', namespace]);
    const veth = ['link', 'add', tap, 'netns', this.#namespace, 'type', 'veth', 'peer', 'name', 'eth0'];
    await run('ip', [...veth, 'address', port.macAddress, 'netns', namespace]);
    const guest = this.#guest(namespace);
    await guest.run('ip', 'link', 'set', 'lo', 'up');
    await guest.run('ip', 'link', 'set', 'eth0', 'up');
    await guest.run('ethtool', '-K', 'eth0', 'tx', 'off');
    await this.outside.run('ip', 'link', 'set', tap, 'up');
    const bind = ['set', 'Interface', tap, `external_ids:iface-id=${port.id}`];
    await this.#vsctl('add-port', 'br-int', tap, '--', ...bind);
    return guest;
  }

  async unplug(port: PortSpec): Promise<void> {
    await this.#vsctl('--if-exists', 'del-port', 'br-int', `tap${port.id.slice(0, 11)}`);
  }

  async stop(daemon: Daemon, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const process = this.#daemons.get(daemon);
    this.#daemons.delete(daemon);
    if (process !== undefined) await end(process, signal);
  }

  async restart(daemon: Daemon, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.stop(daemon, signal);
    await this.launch(daemon);
  }

  async launch(daemon: Daemon): Promise<void> {
    const log = openSync(join(this.#directory, `${daemon}.log`), 'a');
    const { argv, ready } = this.#command(daemon);
    const child = spawn('ip', ['netns', 'exec', this.#namespace, ...argv], {
      stdio: ['ignore', log, log],
      env: { ...process.env, OVS_RUNDIR: this.#directory, OVN_RUNDIR: this.#directory },
    });
    this.#daemons.set(daemon, child);
    await until(`${daemon} runs`, ready);
  }

  /** What is left of logical rows in a database: for seeing that nothing is. */
  async rows(database: 'northbound' | 'southbound', table: string): Promise<string[]> {
    const [tool, address] = database === 'northbound' ? ['ovn-nbctl', this.northbound] : ['ovn-sbctl', this.southbound];
    const { stdout } = await run(tool, [`--db=${address}`, '--bare', '--columns=_uuid', 'list', table]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async log(daemon: Daemon): Promise<string> {
    return (await run('cat', [join(this.#directory, `${daemon}.log`)], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  }

  async #start(): Promise<void> {
    await run('ip', ['netns', 'add', this.#namespace]);
    await this.outside.run('ip', 'link', 'set', 'lo', 'up');
    for (const [daemon, schema] of Object.entries(SCHEMAS)) {
      await run('ovsdb-tool', ['create', join(this.#directory, `${daemon}.db`), schema]);
    }
    for (const daemon of ['switch-db', 'northbound', 'southbound'] as const) await this.launch(daemon);
    const settings = {
      'system-id': CHASSIS,
      'ovn-remote': this.southbound,
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': '127.0.0.1',
      'ovn-bridge-datapath-type': 'netdev',
      'ovn-bridge-mappings': `${PHYSICAL_NETWORK}:br-ex`,
    };
    await this.#vsctl('--no-wait', 'init');
    const assignments = Object.entries(settings).map(([key, value]) => `external_ids:${key}="${value}"`);
    await this.#vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...assignments);
    for (const daemon of ['vswitchd', 'northd', 'controller'] as const) await this.launch(daemon);
    await this.#vsctl('add-br', 'br-ex', '--', 'set', 'Bridge', 'br-ex', 'datapath_type=netdev');
    await this.outside.run('ip', 'address', 'add', `${OUTSIDE_ADDRESS}/24`, 'dev', 'br-ex');
    await this.outside.run('ip', 'link', 'set', 'br-ex', 'up');
    await until('the host has joined', async () => (await this.rows('southbound', 'Chassis')).length > 0);
    await until('br-int is there', () => this.#vsctl('br-exists', 'br-int').then(() => true));
  }

  async #remove(): Promise<void> {
    for (const child of this.#others) await end(child, 'SIGKILL');
    for (const daemon of [...this.#daemons.keys()].toReversed()) await this.stop(daemon, 'SIGKILL');
    for (const namespace of [...this.#guestNamespaces, this.#namespace]) {
      await run('ip', ['netns', 'delete', namespace]).catch(() => {});
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  #command(daemon: Daemon): { argv: string[]; ready: () => unknown } {
    const control = `--unixctl=${this.#directory}/${daemon}.ctl`;
    const answers =
      (target = daemon as string) =>
      async () => {
        const name = join(this.#directory, `${target}.ctl`);
        await run('ovs-appctl', ['-t', name, 'version']);
        return true;
      };
    switch (daemon) {
      case 'switch-db':
      case 'northbound':
      case 'southbound': {
        const socket = `--remote=punix:${this.#directory}/${daemon}.sock`;
        return { argv: ['ovsdb-server', socket, control, `${this.#directory}/${daemon}.db`], ready: answers() };
      }
      case 'vswitchd':
        return { argv: ['ovs-vswitchd', control, this.#switchDb], ready: answers() };
      case 'northd': {
        const databases = [`--ovnnb-db=${this.northbound}`, `--ovnsb-db=${this.southbound}`];
        return { argv: ['ovn-northd', control, ...databases], ready: answers() };
      }
      case 'controller':
        // Takes no --unixctl; the name of its socket ends in its process id.
        return {
          argv: ['ovn-controller', this.#switchDb],
          ready: () => answers(`ovn-controller.${this.#daemons.get(daemon)?.pid}`)(),
        };
    }
  }

  get #switchDb(): string {
    return `unix:${this.#directory}/switch-db.sock`;
  }

  async #vsctl(...args: string[]): Promise<void> {
    await run('ovs-vsctl', [`--db=${this.#switchDb}`, '--timeout=15', ...args]);
  }

  #guest(namespace: string): Guest {
    // Not the caller's: it may name an HTTP proxy.
    const env = { PATH: process.env.PATH };
    return {
      run: async (command, ...args) => {
        return (await run('ip', ['netns', 'exec', namespace, command, ...args], { timeout: 30_000, env })).stdout;
      },
      start: (command, ...args) => {
        const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.#others.push(child);
        return child;
      },
    };
  }
}

const SCHEMAS = {
  'switch-db': '/usr/share/openvswitch/vswitch.ovsschema',
  northbound: '/usr/share/ovn/ovn-nb.ovsschema',
  southbound: '/usr/share/ovn/ovn-sb.ovsschema',
} as const;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
