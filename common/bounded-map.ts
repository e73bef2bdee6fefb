/** A map of limited size: it holds so many entries, of so much together, and the oldest go. */
export interface BoundedMap<V> {
  get(key: string): V | undefined;
  has(key: string): boolean;
  set(key: string, value: V): void;
  readonly size: number;
}

/** `weigh` says what an entry counts for in `total`; one that alone is more is not kept. */
export function boundedMap<V>(
  most: { entries: number; total: number },
  weigh: (value: V, key: string) => number,
): BoundedMap<V> {
  const kept = new Map<string, { value: V; weight: number }>();
  let total = 0;
  const drop = (key: string) => {
    total -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  };
  return {
    get: (key) => kept.get(key)?.value,
    has: (key) => kept.has(key),
    set(key, value) {
      drop(key);
      const weight = weigh(value, key);
      if (weight > most.total) return;
      kept.set(key, { value, weight });
      total += weight;
      for (const oldest of kept.keys()) {
        if (kept.size <= most.entries && total <= most.total) break;
        drop(oldest);
      }
    },
    get size() {
      return kept.size;
    },
  };
}
