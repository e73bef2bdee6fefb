import test from 'ava';
import { BadRequest } from '../common/errors.ts';
import { parseExpiry } from './expiry.ts';

test('an end of life is in UTC, or says where', (t) => {
  t.is(parseExpiry('2030-01-01T00:00:00'), '2030-01-01T00:00:00Z');
  for (const text of ['2030-01-01T00:00:00.123456Z', '2030-01-01T00:00+15:59', '2030-01-01 00:00:00-1200'])
    t.is(parseExpiry(text), text);
});

test('what is no time, or in no time zone, is refused', (t) => {
  const offsets = ['+99:99', '+16:00', '-24:00', '+09:60', '+9', '+09:00:00'];
  const times = [...offsets.map((offset) => `2030-01-01T00:00:00${offset}`), '2030-02-30T00:00:00Z', '2030-01-01'];
  for (const text of times) t.throws(() => parseExpiry(text), { instanceOf: BadRequest }, text);
});
