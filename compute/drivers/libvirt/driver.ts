/** Servers as libvirt domains of QEMU. Each call looks at what is there and does what is missing, so it may be repeated. */
import { mkdir, readFile, statfs } from 'node:fs/promises';
import { cpus, hostname, totalmem } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { Conflict, NotFound, Unavailable } from '../../../common/errors.ts';
import type {
  ConsoleKind,
  DiskPlace,
  GuestDiagnostics,
  GuestDisks,
  HostFacts,
  ObservedGuest,
  Passage,
  ServerDriver,
  ServerPower,
  ServerSpec,
} from '../driver.ts';
import { abortMigration, acceptArrival, forceMigration, migrate, openPassage } from './between-hosts.ts';
import { openDisk, pathOfDisk, receiveDisk } from './carried-disks.ts';
import { writeConfigDrive } from './config-drive.ts';
import { type DomainEvent, LibvirtConnection } from './connection.ts';
import { readConsole } from './console-log.ts';
import { openScreen, openSerialPort } from './consoles.ts';
import { diagnose } from './diagnostics.ts';
import { areWhole, ensureRescueDisk, ensureRootDisk, exists } from './disks.ts';
import { describeDomain, readDisks, readHash } from './domain-xml.ts';
import { Domains, explained, isActive } from './domains.ts';
import { setPassword, thawAllLeftFrozen } from './guest-agent.ts';
import { GuestDirectory } from './guest-directory.ts';
import { findTraits, type Traits } from './host-traits.ts';
import { changeInterfaces, unplug } from './interfaces.ts';
import { affect, libvirt, metadataKind, shutdownFlag } from './library.ts';
import { changeSize } from './live-size.ts';
import { ensureLocalDisks, makeRoomForLocalDisks } from './local-disks.ts';
import { metadataUri, tapName } from './names.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { dropSnapshot, openSnapshot } from './snapshot.ts';

export interface LibvirtDriverOptions {
  /** One directory per guest below it; made if it is missing. Its parents must let libvirt's QEMU user pass (mode o+x). */
  guestsDirectory: string;
  /** For what may be forgotten: the answer of the KVM check. */
  stateDirectory: string;
  /** Open vSwitch runs without its kernel module. */
  userspaceDatapath: boolean;
  uri?: string;
  integrationBridge?: string;
  emulator?: string;
  /** How many calls to libvirt may be under way at once; see README.md about threads. */
  concurrency?: number;
  /** Told of what the driver survives by itself, such as libvirtd being away. */
  onProblem?: (error: unknown, doing: string) => void;
}

const defaultGraceSeconds = 60;

/** Where the daemon of this host listens: what the URI says, or libvirt's own place. */
function daemonSocket(uri = ''): string {
  return new URLSearchParams(uri.split('?')[1]).get('socket') ?? '/run/libvirt/libvirt-sock';
}

export class LibvirtServerDriver implements ServerDriver {
  readonly #options: LibvirtDriverOptions;
  readonly #connection: LibvirtConnection;
  readonly #domains: Domains;
  readonly #oneAtATime = new OneAtATime();
  #traits: Promise<Traits> | undefined;
  #thawing: Promise<void> | undefined;

  /** Opens nothing yet: a host whose libvirtd is away gets its driver too, and its calls fail as `Unavailable`. */
  constructor(options: LibvirtDriverOptions) {
    this.#options = options;
    const { uri = 'qemu:///system', concurrency, onProblem } = options;
    this.#connection = new LibvirtConnection({ uri, concurrency, onProblem });
    this.#domains = new Domains(this.#connection);
  }

  /** Guests that were left frozen are let go on meanwhile; nobody waits for what their agents say. */
  async list(): Promise<ObservedGuest[]> {
    const guests = await this.#domains.list();
    this.#thawing ??= this.#thaw(guests).finally(() => (this.#thawing = undefined));
    return guests;
  }

  observe(id: string): Promise<ObservedGuest | undefined> {
    return this.#domains.observe(id);
  }

  ensure(spec: ServerSpec, signal?: AbortSignal): Promise<void> {
    return this.#oneAtATime.run(spec.id, () => this.#ensure(spec, signal));
  }

  async power(
    spec: Pick<ServerSpec, 'id'>,
    wanted: ServerPower,
    { graceSeconds = defaultGraceSeconds }: { graceSeconds?: number } = {},
  ): Promise<void> {
    if (wanted === 'running') return this.#start(spec.id);
    if (wanted === 'paused') return this.#oneAtATime.run(spec.id, () => this.#domains.pause(spec.id));
    if (wanted === 'suspended') return this.#oneAtATime.run(spec.id, () => this.#domains.suspend(spec.id));
    const guest = await this.observe(spec.id);
    if (guest === undefined) throw new NotFound('Server', spec.id);
    if (!isActive(guest) && guest.power !== 'suspended') return;
    if (graceSeconds > 0 && guest.power === 'running') {
      const stopped = async () => !isActive(await this.observe(spec.id));
      await this.#domains.ask(spec.id, graceSeconds, stopped, (domain) =>
        libvirt().shutdown(domain, shutdownFlag.acpiPowerButton),
      );
    }
    await this.#cutPower(spec.id);
  }

  async reboot(
    spec: ServerSpec,
    kind: 'soft' | 'hard',
    { graceSeconds = defaultGraceSeconds }: { graceSeconds?: number } = {},
  ): Promise<void> {
    const guest = await this.observe(spec.id);
    if (guest === undefined) throw new NotFound('Server', spec.id);
    if (kind === 'hard') {
      // Not a reset: a new QEMU gets new taps and whatever was specified differently meanwhile.
      await this.#cutPower(spec.id);
      await this.ensure(spec);
      return this.#start(spec.id);
    }
    if (guest.power === 'running') {
      const rebooted = async (event: DomainEvent) => event.kind === 'reboot' || !isActive(await this.observe(spec.id));
      const obeyed = await this.#domains.ask(spec.id, graceSeconds, rebooted, (domain) => libvirt().reboot(domain, 0));
      if (!obeyed) await this.#domains.reset(spec.id);
    }
    await this.#start(spec.id); // it was shut down, or chose to: after a reboot it runs
  }

  remove(id: string): Promise<void> {
    return this.#oneAtATime.run(id, async () => {
      const directory = new GuestDirectory(this.#options.guestsDirectory, id);
      await this.#domains.remove(id);
      await unplug(await directory.recordedTaps());
      await directory.remove(); // last: until then it says which taps to look for
    });
  }

  listForeign(): Promise<string[]> {
    return this.#domains.listForeign();
  }

  async bootId(): Promise<string> {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  }

  onChange(listener: (id: string) => void): () => void {
    return this.#connection.listen((event) => {
      if (event.kind !== 'resync') return listener(event.id);
      // Nobody knows what happened while libvirtd was away: every guest may have changed.
      this.list().then(
        (guests) => {
          for (const { id } of guests) listener(id);
        },
        (error) => this.#options.onProblem?.(error, 'list servers after libvirtd came back'),
      );
    });
  }

  async openSnapshot(spec: ServerSpec, name: string, signal: AbortSignal): Promise<Readable> {
    const { qemu } = await this.#findTraits();
    const tools = { domains: this.#domains, directory: this.#directoryOf(spec.id), qemu };
    return openSnapshot(tools, spec, name, signal);
  }

  dropSnapshot(id: string, name: string): Promise<void> {
    return dropSnapshot({ domains: this.#domains, directory: this.#directoryOf(id) }, id, name);
  }

  async consoleOutput(id: string, lines?: number): Promise<string> {
    return readConsole(new GuestDirectory(this.#options.guestsDirectory, id).consolePath, lines);
  }

  changeSize(spec: ServerSpec): Promise<void> {
    return this.#oneAtATime.run(spec.id, () => changeSize(this.#domains, spec));
  }

  async diagnose(id: string): Promise<GuestDiagnostics | undefined> {
    const { virtualisation } = await this.#findTraits();
    return diagnose(this.#domains, id, virtualisation);
  }

  setPassword(id: string, user: string, password: string): Promise<void> {
    return setPassword(this.#domains, id, user, password);
  }

  async injectNmi(id: string): Promise<void> {
    const isThere = await this.#domains.on(id, `interrupt server ${id}`, async ({ check }, domain) => {
      await check(libvirt().injectNmi(domain));
      return true;
    });
    if (!isThere) throw new NotFound('Server', id);
  }

  async openConsole(id: string, kind: ConsoleKind): Promise<Duplex> {
    if (!isActive(await this.observe(id))) throw new Conflict(`Instance ${id} is not running`);
    return kind === 'screen' ? openScreen(this.#domains, id) : openSerialPort(this.#directoryOf(id).serialPath, id);
  }

  async hostFacts(): Promise<HostFacts> {
    const { guestsDirectory } = this.#options;
    const [{ virtualisation }, hypervisorVersion, disk] = await Promise.all([
      this.#findTraits(),
      this.#domains.withoutDomain('tell its version', ({ check, connection }) => check(libvirt().version(connection))),
      mkdir(guestsDirectory, { recursive: true, mode: 0o711 }).then(() => statfs(guestsDirectory)),
    ]);
    return {
      hostname: hostname(),
      vcpus: cpus().length,
      memoryMib: Math.floor(totalmem() / 1024 ** 2),
      diskGib: Math.floor((disk.blocks * disk.bsize) / 1024 ** 3),
      hypervisorType: 'QEMU',
      hypervisorVersion,
      virtualisation,
      cpuModel: cpus()[0]?.model.trim() || 'unknown',
      architecture: 'x86_64',
    };
  }

  async check(): Promise<void> {
    try {
      await this.#connection.run('answer', ({ check, connection }) => check(libvirt().version(connection)), 10);
    } catch (error) {
      throw new Unavailable(
        `libvirt does not answer at ${this.#options.uri ?? 'qemu:///system'}: start libvirtd (as root, or as a member of the group libvirt).`,
        { cause: error },
      );
    }
  }

  async hasDisk(id: string, disks: GuestDisks, place: DiskPlace): Promise<boolean> {
    return exists(pathOfDisk(this.#directoryOf(id), disks, place));
  }

  openDisk(id: string, disks: GuestDisks, place: DiskPlace): Promise<Readable> {
    return openDisk(this.#directoryOf(id), disks, place);
  }

  receiveDisk(spec: ServerSpec, place: DiskPlace, data: AsyncIterable<Buffer>): Promise<void> {
    return this.#oneAtATime.run(spec.id, async () => {
      const { qemu } = await this.#findTraits();
      await receiveDisk(this.#directoryOf(spec.id), spec, place, qemu, data);
    });
  }

  prepareArrival(spec: ServerSpec): Promise<void> {
    return this.#oneAtATime.run(spec.id, async () => {
      const directory = this.#directoryOf(spec.id);
      const traits = await this.#findTraits();
      await directory.prepare(traits.qemu);
      await this.#recordTaps(directory, spec, traits);
      await ensureRootDisk(directory, { ...spec, rootDiskCopiedFrom: null }, traits.qemu);
      await makeRoomForLocalDisks(directory, spec, traits.qemu);
      await writeConfigDrive(directory, spec.configDrive, traits.qemu);
      await openPassage(directory, traits.qemu);
    });
  }

  async acceptArrival(id: string, channel: string): Promise<Duplex> {
    return acceptArrival(await this.#endsOf(id), channel, daemonSocket(this.#options.uri));
  }

  /** One at a time: two would only share the line. */
  migrate({ id }: Pick<ServerSpec, 'id'>, passage: Passage): Promise<void> {
    return this.#oneAtATime.run('live migrations', async () => migrate(await this.#endsOf(id), id, passage));
  }

  abortMigration(id: string): Promise<void> {
    return abortMigration(this.#domains, id);
  }

  forceMigration(id: string): Promise<void> {
    return forceMigration(this.#domains, id);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #ensure(spec: ServerSpec, signal?: AbortSignal): Promise<void> {
    const directory = new GuestDirectory(this.#options.guestsDirectory, spec.id);
    const traits = await this.#findTraits();
    const files = directory.files(spec);
    const { xml, hash } = describeDomain(spec, files, traits);
    const found = await this.#domains.on(spec.id, `look at server ${spec.id}`, async ({ check }, domain) => {
      const metadata = await libvirt().domainMetadata(domain, metadataKind.element, metadataUri, affect.current);
      const isActiveNow = (await check(libvirt().isActive(domain))) === 1;
      // One whose memory is kept goes on with the devices that it had.
      const isInUse = isActiveNow || (await check(libvirt().hasManagedSave(domain))) === 1;
      return { isActiveNow, isInUse, hash: readHash(metadata ?? ''), ...readDisks(metadata ?? '') };
    });
    const hasTheseDisks = found?.rootDisk === spec.rootDisk && found.isRescued === (spec.rescueImage !== null);
    if (found?.isActiveNow) await changeInterfaces(this.#domains, directory, spec, traits);
    if (found?.isInUse) return hasTheseDisks ? directory.removeOtherDisks(spec) : undefined;
    const needed = [files.disk, ...files.localDisks, ...(files.configDrive === null ? [] : [files.configDrive])];
    if (spec.rescueImage !== null) needed.push(files.rescueDisk);
    if (found?.hash === hash && (await areWhole(needed))) return directory.removeOtherDisks(spec);

    await directory.prepare(traits.qemu);
    await this.#recordTaps(directory, spec, traits);
    await Promise.all([
      ensureRootDisk(directory, spec, traits.qemu, signal),
      ensureRescueDisk(directory, spec, traits.qemu),
      ensureLocalDisks(directory, spec, traits.qemu, signal),
      writeConfigDrive(directory, spec.configDrive, traits.qemu),
    ]);
    // A domain with our hash has all its files, and disks go when no domain has them.
    await this.#domains.define(spec.id, xml);
    await directory.removeOtherDisks(spec);
  }

  /** Before the domain that gets them: whatever happens later, `remove` knows them. */
  async #recordTaps(directory: GuestDirectory, { ports }: ServerSpec, { qemu }: Traits): Promise<void> {
    const before = await directory.recordedTaps();
    const taps = ports.map(({ id }) => tapName(id));
    await unplug(before.filter((tap) => !taps.includes(tap)));
    if (before.join() !== taps.join()) await directory.recordTaps(taps, qemu);
  }

  async #thaw(guests: readonly ObservedGuest[]): Promise<void> {
    const problems = await thawAllLeftFrozen(this.#domains, this.#options.guestsDirectory, guests);
    for (const problem of problems) this.#options.onProblem?.(problem, 'let frozen servers go on');
  }

  async #endsOf(id: string) {
    const { qemu } = await this.#findTraits();
    return { domains: this.#domains, directory: this.#directoryOf(id), qemu };
  }

  #directoryOf(id: string): GuestDirectory {
    return new GuestDirectory(this.#options.guestsDirectory, id);
  }

  #start(id: string): Promise<void> {
    return this.#oneAtATime.run(id, () => this.#domains.start(id));
  }

  #cutPower(id: string): Promise<void> {
    return this.#oneAtATime.run(id, () => this.#domains.cutPower(id));
  }

  #findTraits(): Promise<Traits> {
    const { stateDirectory, userspaceDatapath, integrationBridge = 'br-int' } = this.#options;
    const emulator = this.#options.emulator ?? '/usr/bin/qemu-system-x86_64';
    this.#traits ??= explained('tell what it can do', undefined, () =>
      findTraits(this.#connection, { stateDirectory, userspaceDatapath, integrationBridge, emulator }),
    );
    this.#traits.catch(() => (this.#traits = undefined)); // a failure is not remembered
    return this.#traits;
  }
}
