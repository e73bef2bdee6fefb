/** 1536 MiB → `1.5 GiB`. */
export function mebibytes(count: number): string {
  return bytes(count * 1024 * 1024);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 → `1.5 KiB`; one decimal where it says something. */
export function bytes(count: number): string {
  const step = count < 1 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), units.length - 1);
  const value = count / 1024 ** step;
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1).replace('.0', '')} ${units[step]}`;
}

const steps: [limitSeconds: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [Number.POSITIVE_INFINITY, 86_400, 'day'],
];

/** `5 minutes ago`, of any of the API's time formats; those without a zone are UTC. Empty for no time. */
export function ago(time: string | null | undefined, now: number): string {
  if (!time) return '';
  const seconds = Math.max(0, Math.round((now - instant(time)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 5) return 'just now';
  const [, size, unit] = steps.find(([limit]) => seconds < limit) ?? [0, 1, 'second' as const];
  return new Intl.RelativeTimeFormat('en').format(-Math.floor(seconds / size), unit);
}

/** Milliseconds since 1970 of a time of the API; NaN when it is none. */
export function instant(time: string): number {
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time.replace(' ', 'T')}Z`);
}
