import type { BoundedMap } from '../../common/bounded-map.ts';

/**
 * What was found for a key is given again for so long, and nobody looks twice at once: however often a guest asks, it costs one
 * look. A failure is not remembered.
 */
export function remembered<V>(kept: BoundedMap<{ at: number; value: V }>, staleMs: number) {
  const underWay = new Map<string, Promise<V>>();
  return (key: string, look: () => Promise<V>): Promise<V> => {
    const known = kept.get(key);
    if (known !== undefined && performance.now() - known.at < staleMs) return Promise.resolve(known.value);
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const looking = look()
      .then((value) => {
        if (staleMs > 0) kept.set(key, { at: performance.now(), value });
        return value;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, looking);
    return looking;
  };
}
