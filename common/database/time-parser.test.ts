import test from 'ava';
import { timeParser } from './database.ts';

test('a time is read as the driver reads it, and what is unusual is left to the driver', (t) => {
  const left: string[] = [];
  const parse = timeParser((text) => {
    left.push(text);
    return new Date(0);
  });
  for (const [text, iso] of [
    ['2026-11-20 01:02:03+00', '2026-11-20T01:02:03.000Z'],
    ['2026-11-20 01:02:03.4+00', '2026-11-20T01:02:03.400Z'],
    ['2026-12-31 23:59:59.98+00', '2026-12-31T23:59:59.980Z'],
    ['1969-02-28 00:00:00.007+00', '1969-02-28T00:00:00.007Z'],
  ] as const)
    t.is(parse(text).toISOString(), iso);
  const unusual = [
    '2026-11-20 01:02:03.123456+00',
    '2026-11-20 01:02:03+05:30',
    'infinity',
    '0044-03-15 12:00:00+00 BC',
  ];
  for (const text of unusual) parse(text);
  t.deepEqual(left, unusual);
});
