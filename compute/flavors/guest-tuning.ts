/** What extra specs ask of the hypervisor, in its own terms. Pure. */
import { isYes } from '../../common/truth.ts';

export interface GuestTuning {
  /** Weight against other guests when CPUs are short; 1024 is usual. */
  cpuShares?: number;
  /** Of each virtual CPU: so much time in each period. */
  cpuPeriodMicros?: number;
  cpuQuotaMicros?: number;
  topology?: { sockets: number; cores: number; threads: number };
  /** Of each disk, by libvirt's names: `read_bytes_sec` … */
  diskLimits?: Record<string, number>;
  hasBootMenu?: true;
  /** What happens to a guest that stops feeding it. */
  watchdog?: 'none' | 'reset';
  hasNoRandomDevice?: true;
  /** How much randomness the guest may draw. */
  randomRate?: { bytes: number; periodMillis: number };
}

type Specs = Readonly<Record<string, string>>;

const diskLimit = /^quota:disk_((?:read|write|total)_(?:bytes|iops)_sec(?:_max)?)$/;

/** What a server with so many virtual CPUs gets. Of limits, 0 is none. */
export function tuningOf(specs: Specs, vcpus: number): GuestTuning {
  const number = (name: string) => Number(specs[name] ?? 0);
  const limits = diskLimitsOf(specs);
  const action = specs['hw:watchdog_action'];
  const rate = number('hw_rng:rate_bytes');
  return {
    ...(number('quota:cpu_shares') > 0 && { cpuShares: number('quota:cpu_shares') }),
    ...(number('quota:cpu_period') > 0 && { cpuPeriodMicros: number('quota:cpu_period') }),
    ...(number('quota:cpu_quota') > 0 && { cpuQuotaMicros: number('quota:cpu_quota') }),
    ...(topologyOf(specs, vcpus) && { topology: topologyOf(specs, vcpus) }),
    ...(Object.keys(limits).length > 0 && { diskLimits: limits }),
    ...(isYes(specs['hw:boot_menu'] ?? 'no') && { hasBootMenu: true as const }),
    ...(isWatchdog(action) && { watchdog: action }),
    ...(!isYes(specs['hw_rng:allowed'] ?? 'yes') && { hasNoRandomDevice: true as const }),
    ...(rate > 0 && { randomRate: { bytes: rate, periodMillis: number('hw_rng:rate_period') || 1000 } }),
  };
}

/** Why a server with so many virtual CPUs cannot have what the specs ask for together; undefined when it can. */
export function tuningProblem(specs: Specs, vcpus: number): string | undefined {
  if (asksForTopology(specs) && topologyOf(specs, vcpus) === undefined)
    return `sockets, cores and threads that do not make ${vcpus} VCPUs`;
  const limits = diskLimitsOf(specs);
  for (const kind of ['bytes', 'iops'] as const) {
    const [total, read, write] = ['total', 'read', 'write'].map((way) => limits[`${way}_${kind}_sec`]);
    if (total !== undefined && (read !== undefined || write !== undefined))
      return `a limit of all ${kind} of its disk and one of those that it reads or writes`;
  }
  const loose = Object.keys(limits).find((name) => {
    const base = limits[name.replace(/_max$/, '')] ?? 0;
    return name.endsWith('_max') && (base === 0 || (limits[name] ?? 0) < base);
  });
  return loose === undefined ? undefined : `quota:disk_${loose} without a lower limit for longer than a moment`;
}

function diskLimitsOf(specs: Specs): Record<string, number> {
  const limits = Object.entries(specs).flatMap(([name, value]) => {
    const limit = diskLimit.exec(name)?.[1];
    return limit === undefined || Number(value) === 0 ? [] : [[limit, Number(value)] as const];
  });
  return Object.fromEntries(limits.sort());
}

const asksForTopology = (specs: Specs) =>
  ['sockets', 'cores', 'threads'].some((part) => specs[`hw:cpu_${part}`] !== undefined);

/** What is not said of it is filled up: sockets first, then cores, as Nova prefers. */
function topologyOf(specs: Specs, vcpus: number): GuestTuning['topology'] {
  if (!asksForTopology(specs)) return undefined;
  const asked = (part: string) => (specs[`hw:cpu_${part}`] === undefined ? undefined : Number(specs[`hw:cpu_${part}`]));
  const threads = asked('threads') ?? 1;
  const sockets = asked('sockets') ?? vcpus / ((asked('cores') ?? 1) * threads);
  const cores = asked('cores') ?? vcpus / (sockets * threads);
  const parts = [sockets, cores, threads];
  const isExact = parts.every((part) => Number.isInteger(part) && part > 0) && sockets * cores * threads === vcpus;
  return isExact ? { sockets, cores, threads } : undefined;
}

function isWatchdog(action: string | undefined): action is NonNullable<GuestTuning['watchdog']> {
  return action !== undefined && ['none', 'reset'].includes(action);
}
