/** What libvirt is told about a server. Pure: the same specification and host give the same text, byte by byte. */
import { createHash } from 'node:crypto';
import { mostInterfaces } from '../../limits.ts';
import { namedDisks } from '../disk-names.ts';
import type { GuestPort, LocalImage, Machine, ServerSpec } from '../driver.ts';
import { memory, memoryDevices, memoryNode, processors } from './live-size.ts';
import { configDrivePlace, diskControllers, firmware, hasPorts, TargetNames, video } from './machine.ts';
import { domainName, metadataUri, tapName } from './names.ts';
import { bootMenu, cpuTopology, cpuTuning, diskTuning, tunedDevices } from './tuning.ts';
import { type Element, element, printable, writeXml } from './xml.ts';

/** What the XML depends on besides the server. */
export interface HostTraits {
  virtualisation: 'kvm' | 'tcg';
  emulator: string;
  integrationBridge: string;
  /** Open vSwitch works without its kernel module. */
  userspaceDatapath: boolean;
}

/** Absolute paths; `configDrive` null when the server has none. */
export interface GuestFiles {
  disk: string;
  /** What it boots from while it is rescued. */
  rescueDisk: string;
  /** In the order of the server's local disks. */
  localDisks: string[];
  configDrive: string | null;
  console: string;
  /** Where its first serial port is answered while it runs. */
  serial: string;
}

/** The domain, and a hash that differs whenever the domain or anything on its disks would. */
export function describeDomain(spec: ServerSpec, files: GuestFiles, host: HostTraits): { xml: string; hash: string } {
  const body = domainElements(spec, files, host);
  const hash = createHash('sha256')
    .update(
      JSON.stringify([
        body,
        spec.rootDiskGib,
        spec.configDrive && driveHashes(spec.configDrive),
        spec.localDisks ?? [],
      ]),
    )
    .digest('hex');
  const metadata = element('metadata', {}, [
    element('cirrostack:server', {
      'xmlns:cirrostack': metadataUri,
      id: spec.id,
      specification: hash,
      disk: String(spec.rootDisk),
      rescue: spec.rescueImage === null ? 'no' : 'yes',
    }),
  ]);
  return { xml: writeXml(element('domain', domainAttributes(host), [...body, metadata])), hash };
}

const driveHashes = (files: NonNullable<ServerSpec['configDrive']>) =>
  Object.entries(files).map(([path, content]) => [path, createHash('sha256').update(content).digest('hex')]);

/** The hash out of the metadata element as libvirt gives it back; undefined when it is not one of ours. */
export function readHash(metadata: string): string | undefined {
  return /\sspecification=["']([0-9a-f]{64})["']/.exec(metadata)?.[1];
}

/** Which of its disks the domain uses, out of the same metadata. */
export function readDisks(metadata: string): { rootDisk: number; isRescued: boolean } {
  const rootDisk = /\sdisk=["'](\d+)["']/.exec(metadata)?.[1] ?? '1';
  return { rootDisk: Number(rootDisk), isRescued: /\srescue=["']yes["']/.test(metadata) };
}

function domainAttributes({ virtualisation }: HostTraits) {
  return { type: virtualisation === 'kvm' ? 'kvm' : 'qemu' };
}

function domainElements(spec: ServerSpec, files: GuestFiles, host: HostTraits): Element[] {
  const { tuning = {}, machine = {} } = spec;
  const { attributes: firmwareAttributes, elements: firmwareElements } = firmware(machine);
  return [
    element('name', {}, [domainName(spec.id)]),
    element('uuid', {}, [spec.id]),
    element('title', {}, [printable(spec.name) || spec.id]),
    ...memory(spec),
    ...processors(spec),
    ...cpuTuning(tuning),
    element('sysinfo', { type: 'smbios' }, [
      // cloud-init looks for this product name before it trusts a config drive or asks for metadata.
      element('system', {}, [
        element('entry', { name: 'manufacturer' }, ['Cirrostack']),
        element('entry', { name: 'product' }, ['OpenStack Compute']),
        element('entry', { name: 'uuid' }, [spec.id]),
      ]),
    ]),
    element('os', firmwareAttributes, [
      element('type', { arch: 'x86_64', machine: machine.type ?? 'q35' }, ['hvm']),
      ...firmwareElements,
      element('boot', { dev: 'hd' }),
      ...bootMenu(tuning),
      element('smbios', { mode: 'sysinfo' }),
    ]),
    element('features', {}, [element('acpi'), element('apic'), element('vmport', { state: 'off' })]),
    element('cpu', { mode: host.virtualisation === 'kvm' ? 'host-model' : 'maximum' }, [
      ...cpuTopology(tuning),
      ...memoryNode(spec),
    ]),
    clock(host, machine),
    element('on_poweroff', {}, ['destroy']),
    element('on_reboot', {}, ['restart']),
    element('on_crash', {}, ['destroy']),
    // A guest that suspends itself would be neither running nor shut down, and nobody could ask it to come back.
    element('pm', {}, [element('suspend-to-mem', { enabled: 'no' }), element('suspend-to-disk', { enabled: 'no' })]),
    element('devices', {}, devices(spec, files, host)),
  ];
}

function clock({ virtualisation }: HostTraits, { keepsLocalTime, hasHpet }: Machine): Element {
  const offset = keepsLocalTime ? 'localtime' : 'utc';
  const hpet = (present: boolean) => element('timer', { name: 'hpet', present: present ? 'yes' : 'no' });
  if (virtualisation === 'tcg') return element('clock', { offset }, hasHpet === undefined ? [] : [hpet(hasHpet)]);
  return element('clock', { offset }, [
    element('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    element('timer', { name: 'pit', tickpolicy: 'delay' }),
    hpet(hasHpet ?? false),
  ]);
}

function devices(spec: ServerSpec, files: GuestFiles, host: HostTraits): Element[] {
  const { machine = {} } = spec;
  return [
    element('emulator', {}, [host.emulator]),
    element('controller', { type: 'usb', model: 'none' }),
    ...(hasPorts(machine) ? slots(files.localDisks.length) : []),
    ...diskControllers(machine),
    ...disks(spec, files),
    ...spec.ports.map((port) => networkInterface(port, host, machine)),
    serialPort(files),
    ...(spec.guestAgent === undefined ? [] : [agentChannel()]),
    ...tunedDevices(spec.tuning ?? {}),
    ...memoryDevices(spec),
    element('memballoon', { model: 'virtio', autodeflate: 'on', freePageReporting: 'on' }),
    video(machine),
    // Nothing listens: libvirt hands us a connection to it when we ask for one.
    element('graphics', { type: 'vnc' }, [element('listen', { type: 'none' })]),
    // Says where the pointer is; the mouse that every guest has can only say how far it moved.
    element('input', { type: 'tablet', bus: 'virtio' }),
  ];
}

/** Places for devices, each with a bus of its own: only what has a free one can be plugged into a running guest. */
function slots(localDisks: number): Element[] {
  const others = 9 + localDisks;
  const ports = Array.from({ length: mostInterfaces + others }, (_, i) =>
    element('controller', { type: 'pci', index: i + 1, model: 'pcie-root-port' }),
  );
  return [element('controller', { type: 'pci', index: 0, model: 'pcie-root' }), ...ports];
}

/** libvirt gives it a socket of its own, and takes part when something in the guest opens the other end. */
function agentChannel(): Element {
  return element('channel', { type: 'unix' }, [element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' })]);
}

const longestSocketPath = 107;

/** One that nobody can be connected to where the data directory's name is too long for a socket. */
function serialPort(files: GuestFiles): Element {
  const log = element('log', { file: files.console, append: 'on' });
  if (Buffer.byteLength(files.serial) > longestSocketPath) return element('serial', { type: 'pty' }, [log]);
  return element('serial', { type: 'unix' }, [element('source', { mode: 'bind', path: files.serial }), log]);
}

/** In the order in which the firmware tries them. */
function disks(spec: ServerSpec, files: GuestFiles): Element[] {
  const [root = '', ...local] = namedDisks(spec.localDisks ?? []).map(({ serial }) => serial);
  const writable = [{ path: files.disk, image: spec.image, serial: root }];
  if (spec.rescueImage !== null)
    writable.unshift({ path: files.rescueDisk, image: spec.rescueImage, serial: 'rescue' });
  const { machine = {} } = spec;
  const bus = machine.diskBus ?? 'virtio';
  const limits = diskTuning(spec.tuning ?? {});
  const names = new TargetNames();
  const target = () => element('target', { dev: names.next(bus), bus });
  const elements = [
    ...writable.map(({ path, image, serial }) => overlay(path, image, [target(), ...limits, named(serial)])),
    ...files.localDisks.map((path, i) => localDisk(path, [target(), ...limits, named(local[i] ?? '')])),
  ];
  if (files.configDrive === null) return elements;
  const place = configDrivePlace(machine);
  const driveTarget = element('target', { dev: names.next(place.bus), bus: place.bus });
  return [...elements, configDrive(files.configDrive, place.device, driveTarget)];
}

/**
 * writeback: the guest's flushes are obeyed, the image's pages are shared by all guests through the host's cache, and it
 * works on file systems without O_DIRECT. The whole backing chain is written out so that nobody looks into a disk to find
 * out what it is, and the image keeps its owner.
 */
function overlay(path: string, image: LocalImage, rest: Element[]): Element {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: 'qcow2', cache: 'writeback', discard: 'unmap' }),
    element('source', { file: path }),
    element('backingStore', { type: 'file' }, [
      element('format', { type: image.format }),
      element('source', { file: image.path }, [element('seclabel', { model: 'dac', relabel: 'no' })]),
      element('backingStore'),
    ]),
    ...rest,
  ]);
}

/** A file with holes where nothing was written. */
function localDisk(path: string, rest: Element[]): Element {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: 'raw', cache: 'writeback', discard: 'unmap' }),
    element('source', { file: path }),
    element('backingStore'),
    ...rest,
  ]);
}

function named(serial: string): Element {
  return element('serial', {}, [serial]);
}

/** On the bus of the root disk unless the image says otherwise: small kernels have no other driver, and clients find it by its label. */
function configDrive(path: string, device: 'disk' | 'cdrom', target: Element): Element {
  return element('disk', { type: 'file', device }, [
    element('driver', { name: 'qemu', type: 'raw', cache: 'writeback' }),
    element('source', { file: path }),
    element('backingStore'),
    target,
    element('readonly'),
  ]);
}

/** As the domain has it, and as it is plugged into one that runs. */
export function networkInterface(port: GuestPort, host: HostTraits, { interfaceModel = 'virtio' }: Machine): Element {
  return element('interface', { type: 'bridge' }, [
    element('mac', { address: port.macAddress }),
    element('source', { bridge: host.integrationBridge }),
    element('virtualport', { type: 'openvswitch' }, [element('parameters', { interfaceid: port.id })]),
    element('target', { dev: tapName(port.id) }),
    element('model', { type: interfaceModel }),
    ...(host.userspaceDatapath && interfaceModel === 'virtio' ? [withoutOffloads()] : []),
    element('mtu', { size: port.mtu }),
  ]);
}

/** The userspace datapath forwards packets whose checksum the guest left to the card: TCP hangs while ping works. */
function withoutOffloads(): Element {
  const off = { csum: 'off', tso4: 'off', tso6: 'off', ecn: 'off', ufo: 'off' };
  return element('driver', { name: 'qemu' }, [element('host', { ...off, gso: 'off' }), element('guest', off)]);
}
