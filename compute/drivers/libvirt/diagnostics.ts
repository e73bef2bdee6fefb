/** What libvirt has counted of a running domain (the names are those of virConnectGetAllDomainStats). */
import type { GuestDiagnostics, InterfaceTraffic } from '../driver.ts';
import { type Domains, isActive } from './domains.ts';
import { libvirt } from './library.ts';

type Stats = ReadonlyMap<string, number | string>;

/** Undefined when it does not run. */
export async function diagnose(
  domains: Domains,
  id: string,
  virtualisation: 'kvm' | 'tcg',
): Promise<GuestDiagnostics | undefined> {
  if (!isActive(await domains.observe(id))) return undefined;
  const stats = await domains.on(id, `look at what server ${id} has used`, ({ check }, domain) =>
    check(libvirt().deviceStats(domain)),
  );
  return stats && readDiagnostics(stats, virtualisation);
}

/** Of a domain that runs; what libvirt leaves out is 0. */
export function readDiagnostics(stats: Stats, virtualisation: 'kvm' | 'tcg'): GuestDiagnostics {
  const number = (name: string) => Number(stats.get(name) ?? 0);
  const numbers = (kind: string) => Array.from({ length: number(`${kind}.count`) }, (_, i) => `${kind}.${i}`);
  const traffic = (prefix: string): InterfaceTraffic => ({
    bytes: number(`${prefix}.bytes`),
    packets: number(`${prefix}.pkts`),
    errors: number(`${prefix}.errs`),
    drops: number(`${prefix}.drop`),
  });
  return {
    virtualisation,
    cpus: Array.from({ length: number('vcpu.current') }, (_, i) => ({ id: i, timeNs: number(`vcpu.${i}.time`) })),
    memoryKib: {
      maximum: number('balloon.maximum'),
      current: number('balloon.current'),
      used: number('balloon.rss'),
    },
    disks: numbers('block').map((prefix) => ({
      name: String(stats.get(`${prefix}.name`)),
      reads: number(`${prefix}.rd.reqs`),
      readBytes: number(`${prefix}.rd.bytes`),
      writes: number(`${prefix}.wr.reqs`),
      writtenBytes: number(`${prefix}.wr.bytes`),
    })),
    interfaces: numbers('net').map((prefix) => ({
      name: String(stats.get(`${prefix}.name`)),
      received: traffic(`${prefix}.rx`),
      sent: traffic(`${prefix}.tx`),
    })),
  };
}
