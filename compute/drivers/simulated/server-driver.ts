import { type Duplex, Readable } from 'node:stream';
import { Conflict } from '../../../common/errors.ts';
import type {
  ConsoleKind,
  GuestDiagnostics,
  HostFacts,
  ObservedGuest,
  ServerDriver,
  ServerPower,
  ServerSpec,
} from '../driver.ts';
import { simulatedScreen, simulatedSerialPort } from './consoles.ts';
import { isActive, SimulatedGuestDriver } from './guest-driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

/** Header, refcount table, refcount block and L1 table, a cluster of 512 bytes each (docs/interop/qcow2.txt of QEMU). */
function emptyQcow2(): Buffer {
  const disk = Buffer.alloc(4 * 512);
  const words: [offset: number, value: number][] = [
    [0, 0x514649fb],
    [4, 3],
    [20, 9], // cluster_bits
    [28, 1024 * 1024], // size, its lower half
    [36, 32], // l1_size: 64 clusters for each L2 table
    [44, 3 * 512], // l1_table_offset
    [52, 512], // refcount_table_offset
    [56, 1],
    [96, 4], // refcount_order
    [100, 104], // header_length
    [512 + 4, 2 * 512],
  ];
  for (const [offset, value] of words) disk.writeUInt32BE(value, offset);
  for (let cluster = 0; cluster < 4; cluster += 1) disk.writeUInt16BE(1, 2 * 512 + 2 * cluster);
  return disk;
}

/** One that has done nothing yet. */
function diagnosticsOf({ vcpus, memoryMib, ports }: ServerSpec): GuestDiagnostics {
  const none = { bytes: 0, packets: 0, errors: 0, drops: 0 };
  return {
    virtualisation: 'kvm',
    cpus: Array.from({ length: vcpus }, (_, id) => ({ id, timeNs: 0 })),
    memoryKib: { maximum: memoryMib * 1024, current: memoryMib * 1024, used: memoryMib * 1024 },
    disks: [{ name: 'vda', reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 }],
    interfaces: ports.map((port) => ({ name: `tap${port.id.slice(0, 11)}`, received: none, sent: none })),
  };
}

/** Servers of a simulated host. Each boot writes the line `booted` to the console; going on after a pause does not. */
export class SimulatedServerDriver extends SimulatedGuestDriver<ServerSpec> implements ServerDriver {
  constructor(host: SimulatedHost) {
    super(host, host.servers, 'Server');
  }

  override power(spec: ServerSpec, wanted: ServerPower, options: { graceSeconds?: number } = {}): Promise<void> {
    if (wanted === 'running' || wanted === 'shutdown') return super.power(spec, wanted, options);
    return this.perform('power', spec.id, () => {
      const guest = this.get(spec.id);
      if (guest.power === wanted || (wanted === 'suspended' && !isActive(guest))) return;
      if (wanted === 'paused' && !isActive(guest)) this.start(guest);
      guest.power = wanted;
      this.host.changed(spec.id);
    });
  }

  reboot(spec: ServerSpec, kind: 'soft' | 'hard' = 'soft'): Promise<void> {
    return this.perform('reboot', spec.id, () => {
      const guest = this.get(spec.id);
      if (kind === 'hard') guest.spec = structuredClone(spec);
      this.#boot(guest);
    });
  }

  /** An empty disk of 1 MiB. */
  openSnapshot(spec: ServerSpec): Promise<Readable> {
    return this.perform('openSnapshot', spec.id, () => {
      this.get(spec.id);
      return Readable.from([emptyQcow2()]);
    });
  }

  dropSnapshot(id: string): Promise<void> {
    return this.perform('dropSnapshot', id, () => {});
  }

  consoleOutput(id: string, lines?: number): Promise<string> {
    return this.perform('consoleOutput', id, () => {
      const all = this.find(id)?.output.split('\n').slice(0, -1) ?? [];
      const wanted = lines === undefined ? all : all.slice(Math.max(0, all.length - lines));
      return wanted.map((line) => `${line}\n`).join('');
    });
  }

  diagnose(id: string): Promise<GuestDiagnostics | undefined> {
    return this.perform('diagnose', id, () => {
      const guest = this.find(id);
      return guest && isActive(guest) ? diagnosticsOf(guest.spec) : undefined;
    });
  }

  setPassword(id: string, user: string, password: string): Promise<void> {
    return this.perform('setPassword', id, () => {
      if (this.get(id).power !== 'running' || !this.host.agentsAnswer)
        throw new Conflict('its guest agent does not answer');
      this.host.passwords.set(id, { user, password });
    });
  }

  injectNmi(id: string): Promise<void> {
    return this.perform('injectNmi', id, () => {
      const guest = this.get(id);
      if (!isActive(guest)) throw new Conflict(`Server ${id} does not run.`);
      guest.output += 'interrupted\n';
    });
  }

  openConsole(id: string, kind: ConsoleKind): Promise<Duplex> {
    return this.perform('openConsole', id, () => {
      const guest = this.find(id);
      if (guest === undefined || !isActive(guest)) throw new Conflict(`Instance ${id} is not running`);
      return kind === 'screen' ? simulatedScreen(this.host, guest) : simulatedSerialPort(this.host, guest);
    });
  }

  hostFacts(): Promise<HostFacts> {
    return this.perform('hostFacts', undefined, () => ({ ...this.host.facts }));
  }

  protected override start(guest: SimulatedGuest<ServerSpec>): void {
    if (guest.power === 'paused' || guest.power === 'suspended') {
      guest.power = 'running'; // it goes on where it was
      this.host.changed(guest.spec.id);
    } else this.#boot(guest);
  }

  protected override changeRunning(guest: SimulatedGuest<ServerSpec>, { ports }: ServerSpec): void {
    const before = guest.spec.ports.map((port) => port.id).join();
    guest.spec.ports = structuredClone(ports);
    if (before !== ports.map((port) => port.id).join()) this.host.changed(guest.spec.id);
  }

  #boot(guest: SimulatedGuest<ServerSpec>): void {
    guest.power = 'running';
    guest.output += 'booted\n';
    this.host.changed(guest.spec.id);
  }

  protected override view(id: string, { power, exitCode }: SimulatedGuest<ServerSpec>): ObservedGuest {
    return { id, power, ...(power === 'shutdown' && exitCode === 0 && { stoppedItself: true }) };
  }
}
