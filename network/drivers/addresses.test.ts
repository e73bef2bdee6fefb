import test from 'ava';
import { PermanentFailure } from '../../common/errors.ts';
import { contains, parseAddress, parseCidr, parseMac, parseUuid } from './addresses.ts';

test('addresses are written again in their canonical form', (t) => {
  t.is(parseAddress('10.0.0.255').text, '10.0.0.255');
  t.is(parseAddress('2001:DB8:0:0:0::1').text, '2001:db8::1');
  t.is(parseAddress('::').text, '::');
  t.is(parseAddress('::ffff:10.0.0.1').text, '::ffff:10.0.0.1');
  t.is(parseAddress('1::').value, 1n << 112n);
});

test('networks lose their host bits', (t) => {
  t.is(parseCidr('192.168.1.77/24').text, '192.168.1.0/24');
  t.is(parseCidr('255.255.255.255/0').text, '0.0.0.0/0');
  t.is(parseCidr('2001:db8::ffff/64').text, '2001:db8::/64');
  t.is(parseCidr('10.1.2.3').text, '10.1.2.3/32');
});

test('a network contains its addresses only', (t) => {
  const cidr = parseCidr('10.0.0.0/30');
  t.true(contains(cidr, parseAddress('10.0.0.3')));
  t.false(contains(cidr, parseAddress('10.0.0.4')));
  t.false(contains(parseCidr('::/0'), parseAddress('10.0.0.1')));
});

test('whatever is not an address is refused', (t) => {
  const texts = [
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1 || 1',
    'fe80::1%eth0',
    '$pg_x',
    '10.0.0.1\n',
    '::1::',
  ];
  for (const text of texts) t.throws(() => parseAddress(text), { instanceOf: PermanentFailure }, text);
  for (const text of ['10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/-1', '10.0.0.0/1e1', '10.0.0.0/24 || ip4']) {
    t.throws(() => parseCidr(text), { instanceOf: PermanentFailure }, text);
  }
  for (const text of ['', 'fa:16:3e:00:00', 'fa:16:3e:00:00:0g', '01:00:5e:00:00:01', 'fa:16:3e:00:00:01 10.0.0.1']) {
    t.throws(() => parseMac(text), { instanceOf: PermanentFailure }, text);
  }
  t.is(parseMac('FA:16:3E:00:00:01'), 'fa:16:3e:00:00:01');
  t.throws(() => parseUuid('pg_x'), { instanceOf: PermanentFailure });
});
