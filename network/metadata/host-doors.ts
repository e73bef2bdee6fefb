/**
 * Doors on a real host: for each network a namespace with the address of the metadata service, joined to the integration bridge by
 * a veth pair, and a socket of this process that listens in there (namespace.ts). A door is whole when its link has its alias, which
 * is set last; of one that was begun and not finished everything is taken away first.
 */
import { readdir } from 'node:fs/promises';
import type { Server as Listener } from 'node:net';
import { Unavailable } from '../../common/errors.ts';
import { execute } from '../../host/execute.ts';
import {
  addToBridge,
  checkDoor,
  configureInside,
  makeLink,
  metadataAddress,
  metadataPort,
  raiseLink,
  rules,
} from './commands.ts';
import type { AnswerMetadata, MetadataDoor, MetadataDriver } from './driver.ts';
import { linkAlias, linkName, namespaceName, networkKey, networkOfAlias, networkOfNamespace } from './names.ts';
import { boundSocket, inNamespace, setNetworkParameter } from './namespace.ts';
import { guestServer, plain } from './server.ts';

export interface HostDoorsOptions {
  integrationBridge?: string;
  /** OVS without its kernel module: checksums are left out inside the host, and must not be left to the far end. */
  userspaceDatapath: boolean;
  /** Of Open vSwitch, when it is not the host's: `unix:PATH`. */
  switchDatabase?: string;
  /** Where the bridge is, when that is not where this process is: the name of a network namespace. */
  bridgeNamespace?: string;
  /** Of the names of namespaces, for a test beside a cloud. */
  namespacePrefix?: string;
}

const namespaces = '/run/netns';
/** How long the kernel believes what it heard by ARP, in milliseconds: an address may be another guest's in the next moment. */
const neighbourMs = 1000;
/** A process that starts finds many doors at once, and looks for all of them together. */
const recentMs = 1000;

interface OpenDoor {
  alias: string;
  listener: Listener;
}

/** What is on the host: namespaces and ports of the bridge by their networks, links by their names. */
interface Found {
  namespaces: Set<string>;
  links: Map<string, { alias: string; isUp: boolean }>;
  onBridge: Set<string>;
}

export class HostDoors implements MetadataDriver {
  readonly #options: HostDoorsOptions;
  readonly #open = new Map<string, OpenDoor>();
  /** What was there, and when; forgotten with every change of ours. */
  #recent: { at: number; found: Promise<Found> } | undefined;
  #answer: AnswerMetadata = async () => plain(503, 'Metadata is not available yet.');
  readonly #server = guestServer((request) => this.#answer(request));

  constructor(options: HostDoorsOptions) {
    this.#options = options;
  }

  serve(answer: AnswerMetadata): void {
    this.#answer = answer;
  }

  isOpen({ networkId, mtu }: MetadataDoor): boolean {
    const door = this.#open.get(networkId);
    return door?.listener.listening === true && door.alias === linkAlias(networkId, mtu);
  }

  answered(): string[] {
    return [...this.#open.keys()];
  }

  async open(door: MetadataDoor): Promise<void> {
    checkDoor(door);
    if (this.isOpen(door)) return;
    if (!isWhole(await this.#findRecently(), door.networkId, linkAlias(door.networkId, door.mtu))) {
      await this.remove(door.networkId);
      await this.#make(door);
    }
    await this.#listen(door);
  }

  async remove(networkId: string): Promise<void> {
    this.#forget(networkId);
    this.#recent = undefined;
    // In this order, and the bridge's port in a transaction of its own: the userspace datapath keeps the socket of a device that
    // has vanished, and one of the same name that comes with the next transaction would stay dead (seen with OVS 3.1).
    await this.#vsctl('--if-exists', 'del-port', linkName(networkId));
    await this.#deleteLink(linkName(networkId));
    const name = this.#namespaceName(networkId);
    if ((await namespaceNames()).includes(name)) await execute('ip', ['netns', 'delete', name]);
  }

  async list(): Promise<string[]> {
    this.#recent = undefined;
    const found = await this.#findRecently();
    for (const [networkId, { alias }] of this.#open) if (!isWhole(found, networkId, alias)) this.#forget(networkId);
    const linked = [...found.links.values()].map(({ alias }) => networkOfAlias(alias)).filter((id) => id !== undefined);
    return [...new Set([...found.namespaces, ...linked, ...found.onBridge])];
  }

  async close(): Promise<void> {
    for (const networkId of [...this.#open.keys()]) this.#forget(networkId);
    this.#server.close();
  }

  /** The kernel may be deleting it at this moment, with a namespace that somebody else deleted. */
  async #deleteLink(name: string): Promise<void> {
    if (!(await this.#links()).has(name)) return;
    await this.#ip('link', 'delete', 'dev', name).catch(async (error) => {
      if ((await this.#links()).has(name)) throw error;
    });
  }

  async #make(door: MetadataDoor): Promise<void> {
    const name = this.#namespaceName(door.networkId);
    await execute('ip', ['netns', 'add', name]);
    const inside = (command: string, args: string[], input?: string) =>
      execute('ip', ['netns', 'exec', name, command, ...args], { input });
    await this.#ipBatch(makeLink(door, name));
    if (this.#options.userspaceDatapath) await inside('ethtool', ['-K', 'eth0', 'tx', 'off']);
    await inside('nft', ['-f', '-'], rules);
    inNamespace(`${namespaces}/${name}`, () => {
      for (const parameter of ['base_reachable_time_ms', 'retrans_time_ms'])
        setNetworkParameter(`ipv4/neigh/eth0/${parameter}`, neighbourMs);
      setNetworkParameter('ipv4/neigh/eth0/delay_first_probe_time', 1);
      setNetworkParameter('ipv6/conf/eth0/disable_ipv6', 1);
    });
    await inside('ip', ['-batch', '-'], configureInside());
    await this.#vsctl(...addToBridge(this.#options.integrationBridge ?? 'br-int', door));
    await this.#ipBatch(raiseLink(door));
    this.#recent = undefined;
  }

  async #listen({ networkId, mtu }: MetadataDoor): Promise<void> {
    this.#forget(networkId);
    const path = `${namespaces}/${this.#namespaceName(networkId)}`;
    const descriptor = inNamespace(path, () => boundSocket(metadataAddress, metadataPort));
    const listener = await this.#server.listen(networkId, descriptor);
    this.#open.set(networkId, { alias: linkAlias(networkId, mtu), listener });
  }

  /** A socket that stayed open would keep the namespace, and the link in it, whatever else is deleted. */
  #forget(networkId: string): void {
    this.#open.get(networkId)?.listener.close();
    this.#open.delete(networkId);
    this.#server.cut(networkId);
  }

  /** Should it have gone meanwhile, there is no namespace to listen in: that fails, and is tried again. */
  #findRecently(): Promise<Found> {
    const now = performance.now();
    if (this.#recent === undefined || now - this.#recent.at > recentMs) this.#recent = { at: now, found: this.#find() };
    const recent = this.#recent;
    recent.found.catch(() => {
      if (this.#recent === recent) this.#recent = undefined;
    });
    return recent.found;
  }

  async #find(): Promise<Found> {
    const columns = ['--format=json', '--columns=external_ids', 'list', 'Interface'];
    const [names, links, listed] = await Promise.all([namespaceNames(), this.#links(), this.#vsctl(...columns)]);
    const { data } = JSON.parse(listed) as { data: [['map', [string, string][]]][] };
    const owners = data.map(([[, ids]]) => ids.find(([key]) => key === networkKey)?.[1]);
    return {
      namespaces: new Set(
        names.map((name) => networkOfNamespace(name, this.#options.namespacePrefix)).filter((id) => id !== undefined),
      ),
      links,
      onBridge: new Set(owners.filter((id) => id !== undefined)),
    };
  }

  async #links(): Promise<Found['links']> {
    const listed = JSON.parse(await this.#ip('-json', 'link', 'show')) as {
      ifname: string;
      ifalias?: string;
      operstate: string;
    }[];
    return new Map(
      listed.map(({ ifname, ifalias = '', operstate }) => [ifname, { alias: ifalias, isUp: operstate === 'UP' }]),
    );
  }

  #namespaceName(networkId: string): string {
    return namespaceName(networkId, this.#options.namespacePrefix);
  }

  #ip(...args: string[]): Promise<string> {
    return execute('ip', [...this.#inBridgeNamespace(), ...args]);
  }

  async #ipBatch(input: string): Promise<void> {
    await execute('ip', [...this.#inBridgeNamespace(), '-batch', '-'], { input });
  }

  #inBridgeNamespace(): string[] {
    return this.#options.bridgeNamespace === undefined ? [] : ['-netns', this.#options.bridgeNamespace];
  }

  async #vsctl(...args: string[]): Promise<string> {
    const { switchDatabase } = this.#options;
    const where = switchDatabase === undefined ? [] : [`--db=${switchDatabase}`];
    try {
      return await execute('ovs-vsctl', [...where, '--timeout=10', ...args]);
    } catch (error) {
      throw new Unavailable('Open vSwitch on the host does not take the doors to metadata.', { cause: error });
    }
  }
}

function isWhole({ namespaces, links, onBridge }: Found, networkId: string, alias: string): boolean {
  const link = links.get(linkName(networkId));
  return namespaces.has(networkId) && onBridge.has(networkId) && link?.alias === alias && link.isUp;
}

const namespaceNames = () => readdir(namespaces).catch(() => [] as string[]);
