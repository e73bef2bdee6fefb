/**
 * Processors and memory of a guest that may change while it runs. Memory beyond what it starts with is a virtio-mem device, of
 * which the guest takes and gives back pieces as it is asked to. That is up to its kernel: one that was made to can keep what it
 * should give back, and never more than the limits allow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Conflict, NotFound } from '../../../common/errors.ts';
import { memoryPieceMib } from '../../flavors/live-limits.ts';
import type { ServerSpec } from '../driver.ts';
import type { Session } from './connection.ts';
import type { Domains } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { affect, libvirt, type Pointer } from './library.ts';
import { type Element, element } from './xml.ts';

type Sized = Pick<ServerSpec, 'vcpus' | 'memoryMib' | 'liveLimits'>;

const patienceSeconds = 30;
const lookAgainMs = 200;

/** `<vcpu>` and, where there may be more, which of them are there. */
export function processors({ vcpus, liveLimits }: Sized): Element[] {
  const most = liveLimits?.maxVcpus ?? vcpus;
  if (liveLimits === undefined) return [element('vcpu', {}, [String(vcpus)])];
  const each = Array.from({ length: most }, (_, id) =>
    element('vcpu', { id, enabled: id < vcpus ? 'yes' : 'no', hotpluggable: id === 0 ? 'no' : 'yes' }),
  );
  return [element('vcpu', { current: vcpus }, [String(most)]), element('vcpus', {}, each)];
}

/** `<memory>`, and how far it may grow. */
export function memory({ memoryMib, liveLimits }: Sized): Element[] {
  const device = beyondStart({ memoryMib, liveLimits });
  if (device === undefined) return [element('memory', { unit: 'MiB' }, [String(memoryMib)])];
  const most = String(device.startMib + device.sizeMib);
  return [element('maxMemory', { slots: 1, unit: 'MiB' }, [most]), element('memory', { unit: 'MiB' }, [most])];
}

/** Inside of `<cpu>`: libvirt wants devices of memory to belong to some node. */
export function memoryNode({ vcpus, memoryMib, liveLimits }: Sized): Element[] {
  const device = beyondStart({ memoryMib, liveLimits });
  if (device === undefined) return [];
  const cpus = `0-${Math.max(liveLimits?.maxVcpus ?? 0, vcpus) - 1}`;
  return [element('numa', {}, [element('cell', { id: 0, cpus, memory: device.startMib, unit: 'MiB' })])];
}

/** Inside of `<devices>`. */
export function memoryDevices(spec: Sized): Element[] {
  const device = beyondStart(spec);
  if (device === undefined) return [];
  const target = [
    element('size', { unit: 'MiB' }, [String(device.sizeMib)]),
    element('node', {}, ['0']),
    element('block', { unit: 'MiB' }, [String(memoryPieceMib)]),
    element('requested', { unit: 'MiB' }, [String(device.requestedMib)]),
  ];
  return [element('memory', { model: 'virtio-mem' }, [element('target', {}, target)])];
}

/** The memory that it can have beyond what it starts with, and how much of that it is to have; undefined when there is none. */
function beyondStart({ memoryMib, liveLimits }: Pick<Sized, 'memoryMib' | 'liveLimits'>) {
  if (liveLimits === undefined || liveLimits.maxMemoryMib === liveLimits.minMemoryMib) return undefined;
  const startMib = liveLimits.minMemoryMib;
  return { startMib, sizeMib: liveLimits.maxMemoryMib - startMib, requestedMib: memoryMib - startMib };
}

/**
 * Memory first, as that is what a guest may refuse, and processors only once it is there. @throws Conflict when the guest does not
 * take what it is to have, or let go of what it has; NotFound
 */
export async function changeSize(domains: Domains, spec: ServerSpec): Promise<void> {
  const { id, vcpus, memoryMib } = spec;
  const doing = `change the size of server ${id}`;
  const refused = (what: string) => (error: unknown) => {
    throw error instanceof LibvirtError ? new Conflict(`its guest does not take ${what} now`, { cause: error }) : error;
  };
  const guest = await domains.observe(id);
  if (guest === undefined) throw new NotFound('Server', id);
  if (guest.power !== 'running') throw new Conflict(`Server ${id} does not run.`);
  const requestedMib = beyondStart(spec)?.requestedMib;
  const askForMemory = async ({ check }: Session, domain: Pointer) => {
    if (requestedMib === undefined) return true;
    const device = askingFor(requestedMib, await check(libvirt().domainXml(domain, affect.current)));
    if (device !== undefined)
      await check(libvirt().updateDevice(domain, device, affect.live)).catch(refused(`${memoryMib} MiB of memory`));
    return true;
  };
  if (!(await domains.on(id, doing, askForMemory))) throw new NotFound('Server', id);
  if (requestedMib !== undefined) await untilPlugged(domains, spec, requestedMib);
  const plugProcessors = ({ check }: Session, domain: Pointer) =>
    check(libvirt().setVcpus(domain, vcpus, affect.live)).catch(refused(`${vcpus} VCPUs`));
  await domains.on(id, doing, plugProcessors);
}

async function untilPlugged(domains: Domains, { id, memoryMib }: ServerSpec, requestedMib: number): Promise<void> {
  const look = async ({ check }: Session, domain: Pointer) =>
    readPlugged(await check(libvirt().domainXml(domain, affect.current)));
  const deadline = performance.now() + patienceSeconds * 1000;
  for (;;) {
    const pluggedKib = await domains.on(id, `look at the memory of server ${id}`, look);
    if (pluggedKib === requestedMib * 1024) return;
    if (performance.now() > deadline)
      throw new Conflict(
        (pluggedKib ?? 0) > requestedMib * 1024
          ? 'its guest does not let go of its memory now'
          : `its guest does not take ${memoryMib} MiB of memory now; it may have no driver of virtio-mem`,
      );
    await sleep(lookAgainMs);
  }
}

/** The device as libvirt has it, by which libvirt finds it, asking for so much; undefined when it does so already. */
export function askingFor(requestedMib: number, xml: string): string | undefined {
  const device = /<memory model=['"]virtio-mem['"][\s\S]*?<\/memory>/.exec(xml)?.[0];
  const requested = /<requested unit=['"]KiB['"]>(\d+)<\/requested>/;
  if (device === undefined || Number(requested.exec(device)?.[1]) === requestedMib * 1024) return undefined;
  return device.replace(requested, `<requested unit='KiB'>${requestedMib * 1024}</requested>`);
}

/** KiB of the device that the guest has taken, out of what libvirt says of the running domain. */
export function readPlugged(xml: string): number | undefined {
  const target = /<memory model=['"]virtio-mem['"][\s\S]*?<current unit=['"]KiB['"]>(\d+)</.exec(xml)?.[1];
  return target === undefined ? undefined : Number(target);
}
