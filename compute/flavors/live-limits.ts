/**
 * What a server of a flavor may become while it runs, by extra specs of ours: `cirrostack:max_vcpus`, `cirrostack:max_memory_mb`,
 * and `cirrostack:min_memory_mb`, with which it starts. Pure.
 */
export interface LiveLimits {
  maxVcpus: number;
  /** What it has from its start, and never less. */
  minMemoryMib: number;
  maxMemoryMib: number;
}

interface Size {
  vcpus: number;
  memoryMib: number;
  extraSpecs: Readonly<Record<string, string>>;
}

/** Memory comes and goes in pieces of this size. */
export const memoryPieceMib = 2;

/** Null when the flavor says nothing of it: its servers keep their size until they are resized. */
export function liveLimitsOf({ vcpus, memoryMib, extraSpecs }: Size): LiveLimits | null {
  const specs = ['max_vcpus', 'max_memory_mb', 'min_memory_mb'].map((name) => extraSpecs[`cirrostack:${name}`]);
  if (specs.every((value) => value === undefined)) return null;
  const [maxVcpus = vcpus, maxMemory = memoryMib, minMemory = memoryMib] = specs.map((value) =>
    value === undefined ? undefined : Number(value),
  );
  const hasTopology = Object.keys(extraSpecs).some((name) => /^hw:cpu_(sockets|cores|threads)$/.test(name));
  // What would be too little for the flavor itself counts as its own size.
  return {
    maxVcpus: hasTopology ? vcpus : Math.max(vcpus, maxVcpus),
    minMemoryMib: Math.min(memoryMib, minMemory),
    maxMemoryMib: Math.max(memoryMib, maxMemory),
  };
}
