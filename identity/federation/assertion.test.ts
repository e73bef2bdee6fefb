import test from 'ava';
import { assertionOf } from './assertion.ts';

test('a claim has the names that Apache gives it, and its own', (t) => {
  const assertion = assertionOf({ sub: 's', iss: 'https://i', preferred_username: 'ada', groups: ['a;b', 'c'] });
  for (const name of ['preferred_username', 'OIDC-preferred_username', 'HTTP_OIDC_PREFERRED_USERNAME'])
    t.deepEqual(assertion.get(name), ['ada']);
  t.deepEqual(assertion.get('OIDC-groups'), ['a;b', 'c'], 'a semicolon divides nothing');
  t.deepEqual(assertion.get('REMOTE_USER'), ['s@https://i']);
});

test('what is inside a claim is found by its path', (t) => {
  const assertion = assertionOf({ realm_access: { roles: ['r'] }, n: 5, yes: true, a: { b: { c: { d: { e: 1 } } } } });
  t.deepEqual(assertion.get('realm_access.roles'), ['r']);
  t.deepEqual(assertion.get('HTTP_OIDC_REALM_ACCESS_ROLES'), ['r']);
  t.deepEqual([assertion.get('n'), assertion.get('yes')], [['5'], ['true']]);
  t.false([...assertion.keys()].some((name) => name.includes('d.e')));
});

test('what says nothing is not there', (t) => {
  const assertion = assertionOf({ a: '', b: [], c: null, d: [{}], e: {}, f: undefined });
  t.is(assertion.size, 0);
});

test('a name that two claims could mean is neither’s', (t) => {
  const assertion = assertionOf({ 'role-name': 'x', role_name: 'admin', 'OIDC-sub': 'forged', sub: 's' });
  t.false(assertion.has('HTTP_OIDC_ROLE_NAME'));
  t.deepEqual(assertion.get('OIDC-role_name'), ['admin']);
  t.false(assertion.has('OIDC-sub'));
  t.false(assertionOf({ REMOTE_USER: 'admin' }).has('REMOTE_USER'));
});

test('a claim named like a part of an object is nothing but a value', (t) => {
  const assertion = assertionOf(JSON.parse('{"__proto__": {"x": "y"}, "constructor": "c"}'));
  t.deepEqual(assertion.get('constructor'), ['c']);
  t.deepEqual(assertion.get('__proto__.x'), ['y']);
});
