import test from 'ava';
import { uptimeLine } from './uptime.ts';

test('the line is one that the client of Debian 12 takes apart', (t) => {
  const line = uptimeLine(new Date('2026-01-02T03:04:05Z'), 90_061, [0.5, 1, 2]);
  t.is(line, ' 03:04:05 up 1 day, 1:01,  0 users,  load average: 0.50, 1.00, 2.00');
  t.regex(line, /\s(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)/);
});
