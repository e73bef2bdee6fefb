import type { ByteRange } from '../stores/store.ts';

/**
 * One range of a `Range` header (RFC 9110, section 14.2). What is not understood, several ranges among it, is as if it were
 * not there.
 */
export function readRange(header: unknown, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = typeof header === 'string' ? /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) : null;
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const isSuffix = match[1] === '';
  const first = isSuffix ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const last = isSuffix || match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== '' && !isSuffix && Number(match[2]) < first) return undefined;
  return first > last ? 'unsatisfiable' : { first, last };
}
