import { Duplex, Readable } from 'node:stream';
import { Conflict, PermanentFailure } from '../../../common/errors.ts';
import type {
  ConsoleKind,
  DiskPlace,
  GuestDiagnostics,
  GuestDisks,
  HostFacts,
  ObservedGuest,
  Passage,
  PowerState,
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

/** Servers of a simulated host. Each boot writes the host's `bootOutput` to the console; going on after a pause does not. */
export class SimulatedServerDriver extends SimulatedGuestDriver<ServerSpec> implements ServerDriver {
  constructor(host: SimulatedHost) {
    super(host, host.servers, 'Server');
  }

  override power(
    spec: Pick<ServerSpec, 'id'>,
    wanted: ServerPower,
    options: { graceSeconds?: number } = {},
  ): Promise<void> {
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

  hasDisk(id: string, { rootDisk }: GuestDisks, place: DiskPlace): Promise<boolean> {
    return this.perform('hasDisk', id, () => this.host.disks.has(diskName(id, rootDisk, place)));
  }

  openDisk(id: string, { rootDisk }: GuestDisks, place: DiskPlace): Promise<Readable> {
    return this.perform('openDisk', id, () => {
      const disk = this.host.disks.get(diskName(id, rootDisk, place));
      if (disk === undefined) throw new PermanentFailure('The disk of the server is gone from its host.');
      return Readable.from([disk]);
    });
  }

  async receiveDisk(spec: ServerSpec, place: DiskPlace, data: AsyncIterable<Buffer>): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(chunk);
    await this.perform('receiveDisk', spec.id, () => {
      this.host.disks.set(diskName(spec.id, spec.rootDisk, place), Buffer.concat(chunks));
    });
  }

  prepareArrival(spec: ServerSpec): Promise<void> {
    return this.perform('prepareArrival', spec.id, () => {
      for (const place of placesOf(spec))
        this.host.disks.set(diskName(spec.id, spec.rootDisk, place), Buffer.from('empty'));
      this.host.arriving.set(spec.id, structuredClone(spec));
    });
  }

  acceptArrival(id: string, channel: string): Promise<Duplex> {
    return this.perform('acceptArrival', id, () => {
      const spec = this.host.arriving.get(id);
      if (spec === undefined || channel !== 'guest') throw new Conflict(`Nothing is prepared for server ${id}.`);
      return arrivalOf((guest) => {
        for (const [i, place] of placesOf(spec).entries())
          this.host.disks.set(diskName(id, spec.rootDisk, place), Buffer.from(guest.disks[i] ?? '', 'base64'));
        this.host.arriving.delete(id);
        this.host.servers.set(id, { spec, power: guest.power, output: guest.output, exitCode: null });
        this.host.changed(id);
      });
    });
  }

  async migrate({ id }: Pick<ServerSpec, 'id'>, { connect, signal, onProgress }: Passage): Promise<void> {
    const total = 2 ** 20;
    onProgress({ ...nothingYet, memoryTotal: total, memoryRemaining: total });
    await this.perform('migrate', id, () => {});
    signal.throwIfAborted();
    const guest = this.get(id);
    if (!isActive(guest)) throw new Conflict(`Server ${id} does not run.`);
    const channel = await connect('guest');
    const { power, output } = guest;
    const disks = placesOf(guest.spec).map((place) =>
      this.host.disks.get(diskName(id, guest.spec.rootDisk, place))?.toString('base64'),
    );
    channel.write(`${JSON.stringify({ power, output, disks })}\n`);
    for await (const _ of channel); // until it has arrived
    guest.power = 'shutdown';
    await this.perform('migrated', id, () => this.host.changed(id));
  }

  abortMigration(id: string): Promise<void> {
    return this.perform('abortMigration', id, () => {});
  }

  forceMigration(id: string): Promise<void> {
    return this.perform('forceMigration', id, () => {});
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

  changeSize({ id, vcpus, memoryMib }: ServerSpec): Promise<void> {
    return this.perform('changeSize', id, () => {
      const guest = this.get(id);
      if (guest.power !== 'running') throw new Conflict(`Server ${id} does not run.`);
      if (!this.host.guestsObey && memoryMib > guest.spec.memoryMib) throw new Conflict('its guest takes no memory');
      guest.spec = { ...guest.spec, vcpus, memoryMib };
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

  listForeign(): Promise<string[]> {
    return this.perform('listForeign', undefined, () => [...this.host.foreign]);
  }

  async bootId(): Promise<string> {
    return this.host.bootId;
  }

  protected override prepare(spec: ServerSpec): void {
    const { disks } = this.host;
    const { id, rootDisk, rootDiskCopiedFrom } = spec;
    for (const place of placesOf(spec)) {
      const name = diskName(id, rootDisk, place);
      const copied = rootDiskCopiedFrom === null ? undefined : disks.get(diskName(id, rootDiskCopiedFrom, place));
      if (!disks.has(name)) disks.set(name, copied ?? Buffer.from(`disk ${name.slice(id.length + 1)} of server ${id}`));
    }
    this.#removeOtherDisks(spec);
  }

  #removeOtherDisks({ id, rootDisk, rootDiskCopiedFrom }: ServerSpec): void {
    const kept = [rootDisk, rootDiskCopiedFrom ?? rootDisk].map((one) => diskName(id, one, 'root'));
    const isKept = (name: string) => kept.some((root) => name === root || name.startsWith(`${root} `));
    for (const other of this.host.disks.keys())
      if (other.startsWith(id) && !isKept(other)) this.host.disks.delete(other);
  }

  /** The disks go last, as those of a real host do. */
  override async remove(id: string): Promise<void> {
    await super.remove(id);
    this.host.arriving.delete(id);
    for (const name of this.host.disks.keys()) if (name.startsWith(id)) this.host.disks.delete(name);
  }

  protected override start(guest: SimulatedGuest<ServerSpec>): void {
    if (guest.power === 'paused' || guest.power === 'suspended') {
      guest.power = 'running'; // it goes on where it was
      this.host.changed(guest.spec.id);
    } else this.#boot(guest);
  }

  protected override changeRunning(guest: SimulatedGuest<ServerSpec>, spec: ServerSpec): void {
    const { ports } = spec;
    if (guest.spec.rootDisk === spec.rootDisk) this.#removeOtherDisks(spec);
    const before = guest.spec.ports.map((port) => port.id).join();
    guest.spec.ports = structuredClone(ports);
    if (before !== ports.map((port) => port.id).join()) this.host.changed(guest.spec.id);
  }

  #boot(guest: SimulatedGuest<ServerSpec>): void {
    guest.power = 'running';
    guest.output += this.host.bootOutput;
    this.host.changed(guest.spec.id);
  }

  protected override view(id: string, { power, exitCode, isComingIn }: SimulatedGuest<ServerSpec>): ObservedGuest {
    const stoppedItself = power === 'shutdown' && exitCode === 0;
    return { id, power, ...(stoppedItself && { stoppedItself }), ...(isComingIn && { isComingIn }) };
  }
}

function diskName(id: string, rootDisk: number, place: DiskPlace): string {
  return place === 'root' ? `${id} ${rootDisk}` : `${id} ${rootDisk} local ${place}`;
}

function placesOf({ localDisks = [] }: GuestDisks): DiskPlace[] {
  return ['root', ...localDisks.keys()];
}

const nothingYet = {
  memoryTotal: 0,
  memoryProcessed: 0,
  memoryRemaining: 0,
  diskTotal: 0,
  diskProcessed: 0,
  diskRemaining: 0,
};

/** Takes one line, which is the guest, and ends. */
function arrivalOf(arrived: (guest: { power: PowerState; output: string; disks: string[] }) => void): Duplex {
  let text = '';
  return new Duplex({
    allowHalfOpen: true,
    read() {},
    write(chunk, _encoding, done) {
      text += chunk;
      if (text.endsWith('\n')) {
        arrived(JSON.parse(text));
        this.push(null);
      }
      done();
    },
  });
}
