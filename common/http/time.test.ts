import test from 'ava';
import { isoMicros, isoMicrosZ, isoSeconds, spacedWithOffset } from './time.ts';

const times = [
  0,
  999,
  86_399_999,
  86_400_000,
  Date.UTC(2024, 1, 29, 23, 59, 59, 7),
  Date.UTC(2024, 2, 1),
  Date.UTC(9999, 11, 31, 23, 59, 59, 999),
  Date.UTC(1969, 11, 31, 23, 59, 59, 999),
  ...Array.from({ length: 200 }, (_, n) => n * 17_283_947_213),
].map((ms) => new Date(ms));

test('times are written as the calendar has them', (t) => {
  for (const time of times) {
    const iso = time.toISOString(); // of this form in these years
    t.is(isoSeconds(time), `${iso.slice(0, 19)}Z`);
    t.is(isoMicros(time), `${iso.slice(0, 23)}000`);
    t.is(isoMicrosZ(time), `${iso.slice(0, 23)}000Z`);
    t.is(spacedWithOffset(time), `${iso.slice(0, 19).replace('T', ' ')}+00:00`);
  }
});

test('what is no time is not written as one', (t) => {
  t.throws(() => isoSeconds(new Date(Number.NaN)), { instanceOf: RangeError });
});
