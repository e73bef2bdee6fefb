import test from 'ava';
import { ago, bytes, instant, mebibytes } from './format.ts';

test('sizes are said in the largest unit that fits', (t) => {
  t.is(bytes(0), '0 B');
  t.is(bytes(1023), '1023 B');
  t.is(bytes(1536), '1.5 KiB');
  t.is(bytes(1025), '1 KiB');
  t.is(bytes(5 * 1024 ** 3), '5 GiB');
  t.is(mebibytes(512), '512 MiB');
  t.is(mebibytes(51_200), '50 GiB');
});

test('times are said by how long ago they were', (t) => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  t.is(ago('2026-01-01T23:59:58Z', now), 'just now');
  t.is(ago('2026-01-01T23:55:00Z', now), '5 minutes ago');
  t.is(ago('2026-01-01T00:00:00.000000', now), '1 day ago');
  t.is(ago(null, now), '');
  t.is(ago('no time', now), '');
});

test('a time without a zone is UTC', (t) => {
  t.is(instant('2026-01-02T00:00:00.000000'), instant('2026-01-02T00:00:00Z'));
  t.is(instant('2026-01-02 00:00:00'), instant('2026-01-02T00:00:00Z'));
});
