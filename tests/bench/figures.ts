/** One line of what a benchmark prints. */
export interface Figure {
  what: string;
  value: string;
  /** What the value should be; absent where nobody has said. It is shown, never asserted. */
  target?: string;
}

/** The value below which `share` (0 to 1) of the samples lie. @throws RangeError without samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

export const median = (samples: readonly number[]) => quantile(samples, 0.5);

/** `312 ms (289 to 401, n = 9)`. */
export function milliseconds(samples: readonly number[]): string {
  const round = (ms: number) => ms.toFixed(0);
  const range = `${round(Math.min(...samples))} to ${round(Math.max(...samples))}`;
  return `${round(median(samples))} ms (${range}, n = ${samples.length})`;
}
