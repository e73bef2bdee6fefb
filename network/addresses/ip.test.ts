import test from 'ava';
import { contains, defaultPools, formatCidr4, formatIpv4, overlaps, parseAddress, parseCidr } from './ip.ts';

test('an IPv4 address is a number and back', (t) => {
  t.is(parseAddress('10.0.1.2')?.value, 0x0a000102n);
  t.is(formatIpv4(0xfffffffen), '255.255.255.254');
  for (const text of ['', '10.0.0', '10.0.0.256', '010.0.0.1', '1.2.3.4/8', '0x0a000001'])
    t.is(parseAddress(text), undefined, text);
});

test('an IPv6 address is a number in all of its forms', (t) => {
  t.is(parseAddress('::')?.value, 0n);
  t.is(parseAddress('::1')?.value, 1n);
  t.is(parseAddress('fe80::1')?.value, (0xfe80n << 112n) + 1n);
  t.is(parseAddress('::ffff:1.2.3.4')?.value, 0xffff01020304n);
  t.is(parseAddress('1:2:3:4:5:6:7:8')?.value, 0x00010002000300040005000600070008n);
  t.is(parseAddress('fe80::1%eth0'), undefined);
});

test('a prefix loses its host bits', (t) => {
  t.is(formatCidr4(parseCidr('10.1.2.3/24') ?? t.fail()), '10.1.2.0/24');
  t.is(parseCidr('10.0.0.1')?.prefixLength, 32);
  t.is(parseCidr('::/0')?.last, (1n << 128n) - 1n);
  for (const text of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', 'x/8'])
    t.is(parseCidr(text), undefined, text);
});

test('prefixes overlap when one holds an address of the other', (t) => {
  const [wide, narrow, beside] = ['10.0.0.0/16', '10.0.5.0/24', '10.1.0.0/16'].map((text) => parseCidr(text)!);
  t.true(overlaps(wide!, narrow!));
  t.true(overlaps(narrow!, wide!));
  t.false(overlaps(wide!, beside!));
  t.true(contains(wide!, '10.0.255.255'));
  t.false(contains(wide!, '::1'));
});

test('default pools leave out the network, the broadcast address and the gateway', (t) => {
  const cidr = parseCidr('10.0.0.0/29')!;
  t.deepEqual(defaultPools(cidr, '10.0.0.1'), [{ start: '10.0.0.2', end: '10.0.0.6' }]);
  t.deepEqual(defaultPools(cidr, '10.0.0.3'), [
    { start: '10.0.0.1', end: '10.0.0.2' },
    { start: '10.0.0.4', end: '10.0.0.6' },
  ]);
  t.deepEqual(defaultPools(cidr, null), [{ start: '10.0.0.1', end: '10.0.0.6' }]);
  t.deepEqual(defaultPools(parseCidr('10.0.0.8/31')!, '10.0.0.8'), [{ start: '10.0.0.9', end: '10.0.0.9' }]);
  t.deepEqual(defaultPools(parseCidr('10.0.0.8/32')!, '10.0.0.8'), []);
});
