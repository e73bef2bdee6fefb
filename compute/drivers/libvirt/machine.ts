/** What of the domain depends on the machine that the image wants. */
import { type DiskBus, prefixOf } from '../disk-names.ts';
import type { Machine } from '../driver.ts';
import { type Element, element } from './xml.ts';

/** The names of devices by their bus: disks on the same kind of name are counted through. */
export class TargetNames {
  readonly #taken = new Map<string, number>();

  next(bus: DiskBus): string {
    const prefix = prefixOf(bus);
    const index = this.#taken.get(prefix) ?? 0;
    this.#taken.set(prefix, index + 1);
    return `${prefix}${String.fromCharCode('a'.charCodeAt(0) + index)}`;
  }
}

/** Of the first disk, which the server boots from. */
export function rootTarget({ diskBus = 'virtio' }: Machine): string {
  return `${prefixOf(diskBus)}a`;
}

/** The older machine has one bus for everything, with places enough; the newer one has a port for each device. */
export function hasPorts({ type = 'q35' }: Machine): boolean {
  return type.includes('q35');
}

/** Attributes of `<os>`, and what it begins with. Firmware that checks signatures would refuse most guests. */
export function firmware({ isUefi }: Machine): { attributes: Record<string, string>; elements: Element[] } {
  if (!isUefi) return { attributes: {}, elements: [] };
  const unsigned = element('feature', { enabled: 'no', name: 'secure-boot' });
  return { attributes: { firmware: 'efi' }, elements: [element('firmware', {}, [unsigned])] };
}

/**
 * Where the config drive is, and what it looks like: a CD-ROM only where the image has drivers for one, as it has where its disks are
 * SATA. There, libvirt knows no disk that cannot be written.
 */
export function configDrivePlace({ diskBus = 'virtio', configDriveBus }: Machine): {
  bus: DiskBus;
  device: 'disk' | 'cdrom';
} {
  const bus = configDriveBus ?? diskBus;
  const isDrive = bus === 'sata' || (configDriveBus !== undefined && configDriveBus !== 'virtio');
  return { bus, device: isDrive ? 'cdrom' : 'disk' };
}

/** Those that libvirt would make otherwise. */
export function diskControllers(machine: Machine): Element[] {
  const isScsi = machine.diskBus === 'scsi' || machine.configDriveBus === 'scsi';
  return isScsi ? [element('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' })] : [];
}

/** The plainest of the cards unless the image wants another: the rest are the part of QEMU that was broken into most. */
export function video({ videoModel = 'vga' }: Machine): Element {
  const memory: Record<string, string> = videoModel === 'vga' ? { vram: '16384', heads: '1' } : {};
  return element('video', {}, [element('model', { type: videoModel, ...memory })]);
}
