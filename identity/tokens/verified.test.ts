import test from 'ava';
import type { Token } from './token.ts';
import { rememberVerified } from './verified.ts';

const token = (lifeMs: number): Token => ({
  userId: 'u',
  userDomainId: 'd',
  scope: { type: 'unscoped' },
  roles: [],
  methods: ['password'],
  auditIds: ['a'],
  epoch: 0,
  issuedAtUs: 0,
  delegation: null,
  federation: null,
  expiresAt: new Date(Date.now() + lifeMs),
});

test('a token is remembered by all of its text', (t) => {
  const verified = rememberVerified();
  const mine = token(60_000);
  verified.remember('head.body.signature', mine);
  t.is(verified.find('head.body.signature'), mine);
  t.is(verified.find('head.body.signaturE'), undefined);
  t.is(verified.find('head.body.'), undefined);
});

test('a token that has expired is verified anew, and so refused', (t) => {
  const verified = rememberVerified();
  verified.remember('expired', token(-1));
  t.is(verified.find('expired'), undefined);
});

test('the oldest is forgotten when there are too many', (t) => {
  const verified = rememberVerified({ most: 2 });
  for (const text of ['first', 'second', 'third']) verified.remember(text, token(60_000));
  t.is(verified.find('first'), undefined);
  t.truthy(verified.find('second'));
  t.truthy(verified.find('third'));
});
