import test from 'ava';
import { BadRequest } from '../errors.ts';
import { sourceAddressFrom } from './source-address.ts';

const request = (remoteAddress: string, forwarded?: string) => ({
  info: { remoteAddress },
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
});

test('without trusted proxies only the socket tells where a request came from', (t) => {
  const sourceOf = sourceAddressFrom('');
  t.is(sourceOf(request('192.0.2.1')), '192.0.2.1');
  t.is(sourceOf(request('192.0.2.1', '203.0.113.5')), '192.0.2.1');
});

test('a trusted proxy is believed, and nobody before it', (t) => {
  const sourceOf = sourceAddressFrom('127.0.0.1, 10.0.0.0/8, ::1');
  t.is(sourceOf(request('127.0.0.1', '203.0.113.5')), '203.0.113.5');
  t.is(sourceOf(request('::ffff:127.0.0.1', '203.0.113.5')), '203.0.113.5');
  t.is(sourceOf(request('::1', '198.51.100.7, 203.0.113.5, 10.1.2.3')), '203.0.113.5');
  t.is(sourceOf(request('192.0.2.1', '203.0.113.5')), '192.0.2.1');
  t.is(sourceOf(request('127.0.0.1')), '127.0.0.1');
  t.is(sourceOf(request('127.0.0.1', 'unknown')), '127.0.0.1');
  t.is(sourceOf(request('127.0.0.1', '203.0.113.5, nonsense')), '127.0.0.1');
});

test('what is no address is refused when the process starts', (t) => {
  for (const wrong of ['proxy', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/', '1/2/3'])
    t.throws(() => sourceAddressFrom(wrong), { instanceOf: BadRequest }, wrong);
});
