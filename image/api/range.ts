import { BadRequest } from '../../common/errors.ts';
import type { ByteRange } from '../stores/store.ts';

/**
 * The part of the data that is asked for, as Glance reads it (glance/common/wsgi.py): one range of `Range`, or else of
 * `Content-Range`, which old clients send. Undefined: all of it. What cannot be read is unsatisfiable too, where RFC 9110 would
 * have it ignored. Throws `BadRequest` for several ranges.
 */
export function readRange(
  headers: Record<string, unknown>,
  sizeBytes: number,
): ByteRange | 'unsatisfiable' | undefined {
  if (typeof headers.range === 'string') return ofRange(headers.range, sizeBytes);
  const contentRange = headers['content-range'];
  return typeof contentRange === 'string' ? ofContentRange(contentRange, sizeBytes) : undefined;
}

function ofRange(header: string, sizeBytes: number): ByteRange | 'unsatisfiable' {
  if (header.includes(','))
    throw new BadRequest('Requests with multiple ranges are not supported. Make several requests with one range each.');
  const [, from, to] = /^bytes *= *(\d{0,15}) *- *(\d{0,15})$/i.exec(header.trim()) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'unsatisfiable';
  if (from === '') return within(Math.max(0, sizeBytes - Number(to)), sizeBytes - 1);
  if (to !== '' && Number(to) < Number(from)) return 'unsatisfiable';
  return within(Number(from), to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1));
}

/** It names the last byte, which must be there, and may name the size, which must be right. */
function ofContentRange(header: string, sizeBytes: number): ByteRange | 'unsatisfiable' {
  const [, from, to, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(header.trim()) ?? [];
  if (from === undefined || Number(to) >= sizeBytes) return 'unsatisfiable';
  return size === '*' || Number(size) === sizeBytes ? within(Number(from), Number(to)) : 'unsatisfiable';
}

const within = (first: number, last: number): ByteRange | 'unsatisfiable' =>
  first > last ? 'unsatisfiable' : { first, last };
