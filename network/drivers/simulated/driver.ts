/**
 * Tenant networks in memory, for speed, scale and failures on demand; never the proof that something works. The engine outlives
 * its drivers, as OVN does ours.
 */
import { Unavailable } from '../../../common/errors.ts';
import { checkNetwork, checkPort, checkRouter, checkSecurityGroup, checkSubnet } from '../checks.ts';
import {
  type NetworkDriver,
  type NetworkObjectKind,
  type NetworkSpec,
  NotReady,
  type PortSpec,
  type RouterSpec,
  type SecurityGroupSpec,
  type SubnetSpec,
} from '../driver.ts';

export interface SimulatedObjects {
  network: NetworkSpec;
  subnet: SubnetSpec;
  port: PortSpec;
  router: RouterSpec;
  'security-group': SecurityGroupSpec;
}

export class SimulatedNetworkEngine {
  /** What is there now, by kind and id. */
  readonly objects: { [K in NetworkObjectKind]: Map<string, SimulatedObjects[K]> } = {
    network: new Map(),
    subnet: new Map(),
    port: new Map(),
    router: new Map(),
    'security-group': new Map(),
  };
  /** Asked before each call; what it returns is thrown instead of doing anything. */
  fault: (operation: 'ensure' | 'remove' | 'list' | 'status' | 'check', id: string | null) => Error | undefined = () =>
    undefined;
  readonly #up = new Set<string>();
  /** By guest: what each host that has it carries. */
  readonly #carried = new Map<string, Map<string, readonly string[]>>();
  readonly #listeners = new Set<(portId: string) => void>();

  /** As when a host starts or stops to carry the port. Throws when there is no such port. */
  setPortStatus(id: string, status: 'up' | 'down'): void {
    if (!this.objects.port.has(id)) throw new Error(`Port ${id} is not on the simulated engine`);
    if (this.portStatus(id) === status) return;
    if (status === 'up') this.#up.add(id);
    else this.#up.delete(id);
    for (const listener of [...this.#listeners]) listener(id);
  }

  /**
   * The ports that a guest holds on a host from now on, instead of those before, whether they are drawn already or not. One that
   * moves is on two hosts for a moment, and its ports are up as long as one of them has it.
   */
  carry(guestId: string, portIds: readonly string[], hostName = ''): void {
    const hosts = this.#carried.get(guestId) ?? new Map<string, readonly string[]>();
    const before = [...hosts.values()].flat();
    if (portIds.length > 0) hosts.set(hostName, portIds);
    else hosts.delete(hostName);
    if (hosts.size > 0) this.#carried.set(guestId, hosts);
    else this.#carried.delete(guestId);
    const after = [...hosts.values()].flat();
    for (const id of before.filter((one) => !after.includes(one))) this.#up.delete(id);
    for (const id of portIds) this.#up.add(id);
    for (const id of new Set([...before, ...after]))
      if (before.includes(id) !== after.includes(id)) for (const listener of [...this.#listeners]) listener(id);
  }

  portStatus(id: string): 'up' | 'down' | undefined {
    if (!this.objects.port.has(id)) return undefined;
    return this.#up.has(id) ? 'up' : 'down';
  }

  listen(listener: (portId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  remove(kind: NetworkObjectKind, id: string): void {
    if (kind === 'network') {
      for (const [portId, port] of this.objects.port) if (port.networkId === id) this.remove('port', portId);
    }
    if (kind === 'port') this.#up.delete(id);
    this.objects[kind].delete(id);
  }
}

export class SimulatedNetworkDriver implements NetworkDriver {
  readonly #engine: SimulatedNetworkEngine;
  #isClosed = false;
  readonly #stops = new Set<() => void>();

  constructor(engine = new SimulatedNetworkEngine()) {
    this.#engine = engine;
  }

  async ensureNetwork(spec: NetworkSpec): Promise<void> {
    checkNetwork(spec);
    this.#before('ensure', spec.id);
    this.#engine.objects.network.set(spec.id, structuredClone(spec));
  }

  async ensureSubnet(spec: SubnetSpec): Promise<void> {
    checkSubnet(spec);
    this.#before('ensure', spec.id);
    this.#require('network', spec.networkId);
    this.#engine.objects.subnet.set(spec.id, structuredClone(spec));
  }

  async ensurePort(spec: PortSpec): Promise<void> {
    checkPort(spec);
    this.#before('ensure', spec.id);
    this.#require('network', spec.networkId);
    for (const { subnetId } of spec.fixedIps) this.#require('subnet', subnetId);
    for (const id of spec.securityGroupIds) this.#require('security-group', id);
    if ([...this.#engine.objects.router.values()].some((router) => legIds(router).includes(spec.id))) {
      throw new NotReady(`Port ${spec.id} is still a router's on the network engine.`);
    }
    this.#engine.objects.port.set(spec.id, structuredClone(spec));
  }

  async ensureRouter(spec: RouterSpec): Promise<void> {
    checkRouter(spec);
    this.#before('ensure', spec.id);
    for (const { networkId } of spec.interfaces) this.#require('network', networkId);
    if (spec.gateway !== null) {
      this.#require('network', spec.gateway.networkId);
      if (this.#engine.objects.network.get(spec.gateway.networkId)?.physicalNetwork === null) {
        throw new NotReady(`Network ${spec.gateway.networkId} is not connected to a physical network.`);
      }
    }
    const guest = legIds(spec).find((id) => this.#engine.objects.port.has(id));
    if (guest !== undefined) throw new NotReady(`Port ${guest} is still a guest's on the network engine.`);
    this.#engine.objects.router.set(spec.id, structuredClone(spec));
  }

  async ensureSecurityGroup(spec: SecurityGroupSpec): Promise<void> {
    checkSecurityGroup(spec);
    this.#before('ensure', spec.id);
    const groups = this.#engine.objects['security-group'];
    for (const { remoteGroupId } of spec.rules) {
      if (remoteGroupId !== null && !groups.has(remoteGroupId)) {
        groups.set(remoteGroupId, { id: remoteGroupId, rules: [] });
      }
    }
    groups.set(spec.id, structuredClone(spec));
  }

  async remove(kind: NetworkObjectKind, id: string): Promise<void> {
    this.#before('remove', id);
    this.#engine.remove(kind, id);
  }

  async list(kind: NetworkObjectKind): Promise<string[]> {
    this.#before('list', null);
    return [...this.#engine.objects[kind].keys()];
  }

  async portStatus(id: string): Promise<'up' | 'down' | undefined> {
    this.#before('status', id);
    return this.#engine.portStatus(id);
  }

  onPortStatus(listener: (portId: string) => void): () => void {
    const stop = this.#engine.listen(listener);
    this.#stops.add(stop);
    return stop;
  }

  async check(): Promise<void> {
    this.#before('check', null);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
  }

  #before(operation: Parameters<SimulatedNetworkEngine['fault']>[0], id: string | null): void {
    if (this.#isClosed) throw new Unavailable('The network engine does not answer.');
    const fault = this.#engine.fault(operation, id);
    if (fault !== undefined) throw fault;
  }

  #require(kind: NetworkObjectKind, id: string): void {
    if (!this.#engine.objects[kind].has(id)) throw new NotReady(`The ${kind} ${id} is not on the network engine yet.`);
  }
}

const legIds = ({ gateway, interfaces }: RouterSpec): string[] =>
  [...interfaces, ...(gateway === null ? [] : [gateway])].map(({ portId }) => portId);
