import test from 'ava';
import { TooManyRequests } from '../../common/errors.ts';
import { limitAttempts } from './attempts.ts';

const limits = { perAccount: 3, perAddress: 6 };

test('an account that fails too often is refused there, and nowhere else', (t) => {
  const attempts = limitAttempts(limits, () => 0);
  const here = { account: 'a', address: '192.0.2.1' };
  for (let i = 0; i < 3; i += 1) {
    attempts.check(here);
    attempts.failed(here);
  }
  const error = t.throws(() => attempts.check(here), { instanceOf: TooManyRequests }) as TooManyRequests;
  t.is(error.retryAfterSeconds, 20);
  t.notThrows(() => attempts.check({ ...here, address: '192.0.2.2' }));
  t.notThrows(() => attempts.check({ ...here, account: 'b' }));
});

test('an address that fails too often is refused with every account', (t) => {
  const attempts = limitAttempts(limits, () => 0);
  for (let i = 0; i < 6; i += 1) attempts.failed({ account: `a${i}`, address: '2001:db8::1' });
  t.throws(() => attempts.check({ account: 'new', address: '2001:db8::2' }), { instanceOf: TooManyRequests });
  t.throws(() => attempts.check({ account: 'new', address: '2001:db8:0:0:ffff::1' }), { instanceOf: TooManyRequests });
  t.notThrows(() => attempts.check({ account: 'new', address: '2001:db8:0:1::1' }));
  t.notThrows(() => attempts.check({ account: 'new', address: '::ffff:192.0.2.1' }));
});

test('an IPv4 address is the same one in the form of IPv6', (t) => {
  const attempts = limitAttempts(limits, () => 0);
  for (let i = 0; i < 6; i += 1) attempts.failed({ account: `a${i}`, address: '::ffff:192.0.2.1' });
  t.throws(() => attempts.check({ account: 'new', address: '192.0.2.1' }));
});

test('waiting helps, and so does getting in', (t) => {
  let now = 0;
  const attempts = limitAttempts(limits, () => now);
  const here = { account: 'a', address: '192.0.2.1' };
  for (let i = 0; i < 20; i += 1) attempts.failed(here);
  const { retryAfterSeconds } = t.throws(() => attempts.check(here)) as TooManyRequests;
  t.true(retryAfterSeconds <= 90);
  now = retryAfterSeconds * 1000;
  t.notThrows(() => attempts.check(here));
  attempts.failed(here);
  t.throws(() => attempts.check(here));
  now += 60_000;
  attempts.failed(here);
  attempts.failed(here);
  attempts.failed(here);
  attempts.succeeded(here);
  attempts.failed(here);
  attempts.failed(here);
  t.notThrows(() => attempts.check(here));
});

test('without limits nothing is counted', (t) => {
  const attempts = limitAttempts({ perAccount: 0, perAddress: 0 });
  for (let i = 0; i < 1000; i += 1) attempts.failed({ account: 'a', address: '192.0.2.1' });
  t.notThrows(() => attempts.check({ account: 'a', address: '192.0.2.1' }));
});

test('what is remembered does not grow without end', (t) => {
  const attempts = limitAttempts(limits, () => 0);
  const first = { account: 'a', address: '192.0.2.1' };
  for (let i = 0; i < 3; i += 1) attempts.failed(first);
  for (let i = 0; i < 20_000; i += 1) attempts.failed({ account: 'b', address: `2001:db8:${i.toString(16)}::1` });
  t.notThrows(() => attempts.check(first));
});

test('who is named by many words is barred when they failed too often by all of them', (t) => {
  const attempts = limitAttempts(limits, () => 0);
  const here = (account: string) => ({ account, address: '192.0.2.1', subject: 'u' });
  for (const words of ['a', 'b', 'c']) {
    t.false(attempts.isBarred(here(words)));
    attempts.failed(here(words));
  }
  t.true(attempts.isBarred(here('d')));
  t.notThrows(() => attempts.check(here('d')), 'nothing tells that it is the same user');
  t.false(attempts.isBarred({ ...here('d'), address: '192.0.2.2' }));
  t.false(attempts.isBarred({ ...here('d'), subject: 'v' }));
  t.false(attempts.isBarred({ ...here('d'), isPasscode: true }));
  for (let i = 0; i < 3; i += 1) attempts.failed(here('d'));
  t.throws(() => attempts.check(here('d')), { instanceOf: TooManyRequests }, 'as of anybody else');
});

test('passcodes are counted from all addresses together, and slowed for that user only', (t) => {
  let now = 0;
  const attempts = limitAttempts({ perAccount: 0, perAddress: 0, passcodesPerUser: 10 }, () => now);
  const from = (i: number, account = 'a', subject = 'u') => ({
    ...{ account, subject, address: `192.0.2.${i}`, isPasscode: true },
  });
  for (let i = 0; i < 10; i += 1) attempts.failed(from(i));
  t.throws(() => attempts.check(from(11)), { instanceOf: TooManyRequests });
  t.notThrows(() => attempts.check(from(11, 'b')));
  t.true(attempts.isBarred(from(11, 'b')), 'by other words too');
  t.false(attempts.isBarred(from(11, 'c', 'v')));
  t.false(attempts.isBarred({ ...from(11), isPasscode: false }));
  attempts.succeeded(from(1));
  t.true(attempts.isBarred(from(1)), 'the owner’s logins are not the guesser’s');
  now = 360_000;
  t.false(attempts.isBarred(from(11)));
  t.notThrows(() => attempts.check(from(11)));
});
