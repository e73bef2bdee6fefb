/**
 * What a host can do for guests. A driver knows no database, policy, quota or user; every call may be repeated, and each
 * says what should be, not how. Failures are `CloudError`s of common/errors.ts: `PermanentFailure` when trying again cannot
 * help (the message is shown to the user), anything else is tried again by the reconcile loop.
 */
import type { Duplex, Readable } from 'node:stream';
import { CloudError } from '../../common/errors.ts';
import type { GuestTuning } from '../flavors/guest-tuning.ts';
import type { LiveLimits } from '../flavors/live-limits.ts';

/** It may last, so the user is told at once; it may pass, so the loop goes on trying. */
export class ToldAtOnce extends CloudError {}

export class DiskFull extends ToldAtOnce {}

/** The data of an image is not what was accepted as that image: it is never used. */
export class DamagedImage extends ToldAtOnce {}

/**
 * What a guest is doing, as its engine reports it. `suspended`: its memory is kept on disk, and it goes on from there.
 * `crashed`: it ended by itself and not by a clean shutdown.
 */
export type PowerState = 'running' | 'paused' | 'suspended' | 'shutdown' | 'crashed';

/** A port to plug into the guest. OVN binds the logical switch port whose name is `id`. */
export interface GuestPort {
  id: string;
  macAddress: string;
  /** What the guest is told that it is for. */
  tag?: string;
  /** Bytes; what the tenant network carries. */
  mtu: number;
  /** With prefix length; only containers are configured from outside, a server asks DHCP or reads its config drive. */
  addresses: { address: string; prefixLength: number; gateway: string | null }[];
  dnsServers: string[];
}

export interface ObservedGuest {
  id: string;
  power: PowerState;
  /** It is shut down because the guest itself ended cleanly, asked or not; absent when its power was cut or nobody knows. */
  stoppedItself?: boolean;
  /** It is still coming in from another host: nothing of it counts yet. Only `observe` tells. */
  isComingIn?: boolean;
}

/** What servers and containers share. */
export interface GuestDriver<Spec> {
  /** Every guest of ours on this host, recognised by its name or label; never a foreign one. */
  list(): Promise<ObservedGuest[]>;
  observe(id: string): Promise<ObservedGuest | undefined>;
  /**
   * Makes the guest exist, with its disks, as specified; leaves its power alone. Corrects what differs while it is shut down;
   * of a running server its ports, too: what it is to lose is off the network at once, whenever the guest lets go of it.
   * Aborted, it may fail in place of copying on.
   */
  ensure(spec: Spec, signal?: AbortSignal): Promise<void>;
  /**
   * Starts or stops the guest. Stopping asks the guest first and cuts its power after `graceSeconds`; 0 cuts at once.
   * A running container or server also gets its ports plugged (again), whatever happened to them.
   */
  power(spec: Spec, wanted: 'running' | 'shutdown', options?: { graceSeconds?: number }): Promise<void>;
  /** Removes the guest and all that `ensure` and `power` made: disks, taps, veths, OVS ports, logs. Absent is success. */
  remove(id: string): Promise<void>;
  /** Calls back with the id of a guest whose state changed, whoever changed it. A hint: it may be missed or repeated. */
  onChange(listener: (id: string) => void): () => void;
  /** Throws, with what to do about it, when the engine does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** A disk image on this host that the driver may read and must not change. The format was recorded when it was made. */
export interface LocalImage {
  path: string;
  format: 'raw' | 'qcow2';
}

/** A disk that begins empty and ends with its server. */
export interface LocalDisk {
  kind: 'ephemeral' | 'swap';
  sizeMib: number;
  /** What an ephemeral one begins with; null for swap. */
  format: 'ext2' | 'ext3' | 'ext4' | 'vfat' | null;
  /** What the guest is told that it is for. */
  tag: string | null;
}

/** A root disk and those that came with it. */
export type GuestDisks = Pick<ServerSpec, 'rootDisk' | 'localDisks'>;

/** One of them: the root disk, or a local one by its number in their order. */
export type DiskPlace = 'root' | number;

/** What of the machine is not as usual: virtio wherever it can be, q35, and a BIOS. */
export interface Machine {
  /** Of all disks. */
  diskBus?: 'virtio' | 'scsi' | 'sata';
  /** The config drive is a CD-ROM on it, unless it is `virtio`; it is one, too, where all disks are `sata`. */
  configDriveBus?: 'virtio' | 'scsi' | 'sata';
  interfaceModel?: 'virtio' | 'e1000' | 'e1000e' | 'rtl8139';
  videoModel?: 'vga' | 'virtio' | 'cirrus' | 'bochs' | 'none';
  /** As QEMU names it. */
  type?: string;
  isUefi?: boolean;
  /** Its clock shows the host's local time, as Windows expects. */
  keepsLocalTime?: boolean;
  /** It has a High Precision Event Timer; absent: as the hypervisor has it by itself. */
  hasHpet?: boolean;
}

export interface ServerSpec {
  id: string;
  /** For people who look at the host; not unique. */
  name: string;
  vcpus: number;
  memoryMib: number;
  /** 0: as large as the image. */
  rootDiskGib: number;
  image: LocalImage;
  /** Which root disk: another number is another disk, and the ones before are thrown away. */
  rootDisk: number;
  /** The root disk that it is made from as it is then, in place of the image; kept for the way back. Null: of the image. */
  rootDiskCopiedFrom: number | null;
  /** It boots from a disk of this image, and its own root disk is the second one; null usually. */
  rescueImage: LocalImage | null;
  /** Beside the root disk, in this order; a new root disk, which is not a copy, comes with new ones. Absent: none. */
  localDisks?: LocalDisk[];
  ports: GuestPort[];
  /** Path inside the drive to content; null for no config drive. */
  configDrive: Record<string, string | Uint8Array> | null;
  /**
   * It has QEMU's guest agent, as its image says: for copies of its disk it is asked to write everything first, which
   * `mustQuiesce` makes a condition. Absent: it has none.
   */
  guestAgent?: { mustQuiesce: boolean };
  /** What it can become while it runs, by `changeSize`; absent: nothing else. */
  liveLimits?: LiveLimits;
  machine?: Machine;
  /** What its flavor asks for beyond sizes; absent: nothing. */
  tuning?: GuestTuning;
}

/** The way of a running guest to another host. */
export interface Passage {
  /** Opens a connection to what `acceptArrival` gives there. */
  connect(channel: string): Promise<Duplex>;
  signal: AbortSignal;
  onProgress(progress: MigrationProgress): void;
}

/** In bytes. */
export interface MigrationProgress {
  memoryTotal: number;
  memoryProcessed: number;
  memoryRemaining: number;
  diskTotal: number;
  diskProcessed: number;
  diskRemaining: number;
}

export interface HostFacts {
  hostname: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  /** `QEMU` with the version as libvirt counts it: 7002000 is 7.2.0. */
  hypervisorType: string;
  hypervisorVersion: number;
  /** KVM only if a guest was really seen making progress under it. */
  virtualisation: 'kvm' | 'tcg';
  cpuModel: string;
  architecture: string;
}

/** Counted from the start of the guest. */
export interface GuestDiagnostics {
  virtualisation: 'kvm' | 'tcg';
  cpus: { id: number; timeNs: number }[];
  /** `used` is what the host gives it now. */
  memoryKib: { maximum: number; current: number; used: number };
  disks: { name: string; reads: number; readBytes: number; writes: number; writtenBytes: number }[];
  interfaces: {
    /** `tap` and the first 11 characters of the port's id. */
    name: string;
    received: InterfaceTraffic;
    sent: InterfaceTraffic;
  }[];
}

export interface InterfaceTraffic {
  bytes: number;
  packets: number;
  errors: number;
  drops: number;
}

/** What a user may want of a server. */
export type ServerPower = 'running' | 'paused' | 'suspended' | 'shutdown';

/** `screen` speaks the RFB protocol (VNC) and asks for no password; `serial` is the first serial port, bytes both ways. */
export type ConsoleKind = 'screen' | 'serial';

export interface ServerDriver extends GuestDriver<ServerSpec> {
  /**
   * Brings the guest there from wherever it is: one that is shut down and is to be paused is started paused. A guest without
   * memory to keep stays shut down when it is to be suspended. Shutting down throws kept memory away.
   */
  power(spec: Pick<ServerSpec, 'id'>, wanted: ServerPower, options?: { graceSeconds?: number }): Promise<void>;
  /** Soft asks the guest and resets it when it has not obeyed after `graceSeconds`; hard resets it at once. */
  reboot(spec: ServerSpec, kind: 'soft' | 'hard', options?: { graceSeconds?: number }): Promise<void>;
  /**
   * What is on the root disk at one moment, running or not, as a qcow2 that stands on nothing else. Asked for again by the same
   * name it is the same data, until that is dropped. Throws when the signal comes first.
   */
  openSnapshot(spec: ServerSpec, name: string, signal: AbortSignal): Promise<Readable>;
  /** Absent is success. */
  dropSnapshot(id: string, name: string): Promise<void>;
  /** Whether that disk is here, whole or not at all. */
  hasDisk(id: string, disks: GuestDisks, place: DiskPlace): Promise<boolean>;
  /** Its data, in a form that `receiveDisk` knows; the guest is shut down. Throws `PermanentFailure` when it is not there. */
  openDisk(id: string, disks: GuestDisks, place: DiskPlace): Promise<Readable>;
  /** Keeps what `openDisk` gave on another host as that disk of this guest; nothing of it when `data` throws. */
  receiveDisk(spec: ServerSpec, place: DiskPlace, data: AsyncIterable<Buffer>): Promise<void>;
  /** Makes ready what a guest needs that comes from another host while it runs. */
  prepareArrival(spec: ServerSpec): Promise<void>;
  /** One end of a connection that `migrate` opened on the host that the guest leaves. */
  acceptArrival(id: string, channel: string): Promise<Duplex>;
  /**
   * Lets a running guest go on on another host, which `prepareArrival` made ready, without shutting it down; afterwards it is
   * shut down here. When it throws, or was aborted, the guest runs on here, or over there if that came too late.
   */
  migrate(spec: Pick<ServerSpec, 'id'>, passage: Passage): Promise<void>;
  /** Ends what a predecessor of ours may have begun of `migrate`. */
  abortMigration(id: string): Promise<void>;
  /** Lets a guest that writes faster than it can be copied wait, so that its migration comes to an end. */
  forceMigration(id: string): Promise<void>;
  /** The tail of the serial console, at most `lines` lines (all that is kept when undefined). Empty when there is none. */
  consoleOutput(id: string, lines?: number): Promise<string>;
  /**
   * Gives a running guest the processors and the memory of the specification, within its limits. @throws `Conflict` when the guest
   * does not take them, or does not let go of what it has.
   */
  changeSize(spec: ServerSpec): Promise<void>;
  /** What it has used since it was started; undefined when it does not run. */
  diagnose(id: string): Promise<GuestDiagnostics | undefined>;
  /** Through the guest's own agent. @throws `Conflict` when that does not answer or refuses. */
  setPassword(id: string, user: string, password: string): Promise<void>;
  /** Makes the kernel of the guest dump what it knows, if it is made so. @throws `Conflict` when it does not run. */
  injectNmi(id: string): Promise<void>;
  /**
   * A connection to a guest that runs, which ends when it does. A serial port has one at a time: the next waits in silence.
   * Throws `Conflict` when it does not run, or was started without that.
   */
  openConsole(id: string, kind: ConsoleKind): Promise<Duplex>;
  hostFacts(): Promise<HostFacts>;
  /** Names of the guests of the same engine that are not ours, which we never touch. */
  listForeign(): Promise<string[]>;
  /** Another one after each start of the host; the engine is not asked. */
  bootId(): Promise<string>;
}

export interface ContainerSpec {
  id: string;
  name: string;
  /** Our image id; loaded with `ensureImage` before. */
  imageId: string;
  /** What to run instead of the image's own command; null keeps it. */
  command: string[] | null;
  environment: Record<string, string>;
  workingDirectory: string | null;
  labels: Record<string, string>;
  hostname: string;
  /** In CPUs: 0.5 is half a core. */
  cpus: number;
  memoryMib: number;
  pidsLimit: number;
  interactive: boolean;
  tty: boolean;
  restartPolicy: { name: 'no' | 'always' | 'on-failure' | 'unless-stopped'; maximumRetries: number };
  ports: GuestPort[];
}

export interface ObservedContainer extends ObservedGuest {
  exitCode: number | null;
  /** The command really run, image defaults included. */
  command: string[];
}

export interface ContainerDriver extends GuestDriver<ContainerSpec> {
  list(): Promise<ObservedContainer[]>;
  observe(id: string): Promise<ObservedContainer | undefined>;
  /** Loads a `docker save` archive under a name made from `imageId`; does nothing when it is already there. */
  ensureImage(imageId: string, archivePath: string): Promise<void>;
  /** Image ids present on the host (those of ours). */
  listImages(): Promise<string[]>;
  removeImage(imageId: string): Promise<void>;
  logs(
    id: string,
    options: { stdout: boolean; stderr: boolean; timestamps: boolean; tail: number | 'all'; sinceSeconds: number },
  ): Promise<string>;
  /** Runs a command to its end inside a running container; output is stdout and stderr as they came, capped. */
  execute(id: string, command: string[]): Promise<{ output: string; exitCode: number }>;
  /** Version of the engine and of its runtime, for the start-up gate and `doctor`. */
  version(): Promise<{ engine: string; runtime: string }>;
}
