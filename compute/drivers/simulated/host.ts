/**
 * A host that exists only in memory: for tests that need failures on demand, and a thousand hosts in one process. It stands
 * for the engines of a real host, so it outlives the drivers opened on it, as they outlive our process.
 */
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { type ContainerSpec, DiskFull, type HostFacts, type PowerState, type ServerSpec } from '../driver.ts';

export interface SimulatedGuest<Spec> {
  /** As last corrected; what was asked for while it ran is not known here. */
  spec: Spec;
  power: PowerState;
  output: string;
  exitCode: number | null;
  /** Not whole yet: it comes from another host. */
  isComingIn?: boolean;
}

export interface Failure {
  /** Only calls of this name (`ensure`, `power`, …) fail; absent: any call. */
  call?: string;
  /** Only calls about this guest or image fail. */
  id?: string;
  kind: 'transient' | 'permanent' | 'disk full' | 'unforeseen';
  message?: string;
  /** `after`: the work is done and its answer lost, as when our process dies just then. Default `before`. */
  when?: 'before' | 'after';
  /** How many calls fail. Default 1. */
  times?: number;
}

export class SimulatedHost {
  readonly servers = new Map<string, SimulatedGuest<ServerSpec>>();
  readonly containers = new Map<string, SimulatedGuest<ContainerSpec>>();
  readonly images = new Set<string>();
  /** What is on the disks of servers: by the server's id and the number of a root disk, and of a disk that came with it. */
  readonly disks = new Map<string, Buffer>();
  /** What running servers of other hosts find prepared. */
  readonly arriving = new Map<string, ServerSpec>();
  readonly facts: HostFacts;
  /** What each boot of a server writes to its console. */
  bootOutput = 'booted\n';
  /** How long each call takes, at least. */
  latencyMs = 0;
  /** Guests of somebody else. */
  readonly foreign = new Set<string>();
  bootId = 'first';
  /** Every call fails until it is false again: the engine is away. */
  isAway = false;
  /** Whether guests do what they are asked to, or wait for their power to be cut. */
  guestsObey = true;
  /** How long the guest that was shut down last was given. */
  lastGraceSeconds: number | undefined;
  /** Whether the agents in guests say anything. */
  agentsAnswer = true;
  /** What agents set last, by server. */
  readonly passwords = new Map<string, { user: string; password: string }>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #failures: Required<Omit<Failure, 'call' | 'id'>>[] = [];
  #gates: { call: string; opened: Promise<void> }[] = [];
  #calls: Map<string, number> | undefined;

  constructor(facts: Partial<HostFacts> = {}) {
    this.facts = { ...usualFacts, ...facts };
  }

  /**
   * Makes the next matching calls fail, until they are as many as was said or the returned function is called. Several of
   * these are used up in the order they were given.
   */
  failNext(failure: Failure): () => void {
    const added = { times: 1, when: 'before' as const, message: 'The host was told to fail.', ...failure };
    this.#failures.push(added);
    return () => {
      const index = this.#failures.indexOf(added);
      if (index !== -1) this.#failures.splice(index, 1);
    };
  }

  /** Calls of that name wait at their beginning until the returned function is called. */
  hold(call: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const gate = { call, opened: promise };
    this.#gates.push(gate);
    return () => {
      this.#gates = this.#gates.filter((other) => other !== gate);
      resolve();
    };
  }

  /** How often a call of that name was made, by any driver. */
  callsOf(call: string): number {
    return this.#calls?.get(call) ?? 0;
  }

  /** The guest ends without anybody having asked: `shutdown` by itself, `crashed` otherwise. */
  lose(id: string, power: 'shutdown' | 'crashed' = 'crashed'): void {
    const guest = this.servers.get(id) ?? this.containers.get(id);
    if (guest === undefined || guest.power === 'shutdown' || guest.power === 'crashed') return;
    guest.power = power;
    guest.exitCode = power === 'crashed' ? 137 : 0;
    this.changed(id);
  }

  /** It is started anew, as after a loss of power: no guest runs, and nobody was told. */
  reboot(): void {
    this.bootId += ' again';
    for (const guest of [...this.servers.values(), ...this.containers.values()])
      if (guest.power === 'running' || guest.power === 'paused') {
        guest.power = 'shutdown';
        guest.exitCode = null;
      }
  }

  /** The engine no longer knows the guest. */
  forget(id: string): void {
    const wasServer = this.servers.delete(id);
    if (this.containers.delete(id) || wasServer) this.changed(id);
  }

  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(id: string): void {
    for (const listener of [...this.#listeners]) listener(id);
  }

  /** What every call of a driver goes through: counting, delays, and the failures that were asked for. */
  async perform<T>(call: string, id: string | undefined, work: () => T): Promise<T> {
    this.#calls ??= new Map();
    this.#calls.set(call, this.callsOf(call) + 1);
    await Promise.all(this.#gates.filter((gate) => gate.call === call).map(({ opened }) => opened));
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs));
    if (this.isAway) throw new Unavailable('The engine of the host does not answer.');
    const failure = this.#takeFailure(call, id);
    if (failure?.when === 'before') throw errorOf(failure);
    const result = work();
    if (failure?.when === 'after') throw errorOf(failure);
    return result;
  }

  #takeFailure(call: string, id: string | undefined) {
    const index = this.#failures.findIndex((failure: Failure) => {
      return (failure.call ?? call) === call && (failure.id ?? id) === id;
    });
    const failure = this.#failures[index];
    if (failure !== undefined && --failure.times === 0) this.#failures.splice(index, 1);
    return failure;
  }
}

function errorOf({ kind, message }: { kind: Failure['kind']; message: string }): Error {
  const kinds = { permanent: PermanentFailure, transient: Unavailable, 'disk full': DiskFull, unforeseen: Error };
  return new kinds[kind](message);
}

const usualFacts: HostFacts = {
  hostname: 'simulated',
  vcpus: 16,
  memoryMib: 65_536,
  diskGib: 1_000,
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  virtualisation: 'kvm',
  cpuModel: 'Simulated CPU',
  architecture: 'x86_64',
};
