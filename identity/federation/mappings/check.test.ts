import test from 'ava';
import { BadRequest } from '../../../common/errors.ts';
import { validator } from '../../../common/http/validate.ts';
import { checkMapping } from './check.ts';
import { type Mapping, MappingBody } from './mapping.ts';

const shape = validator(MappingBody, 'body');
const check = (mapping: unknown) => {
  const { rules, schema_version = '1.0' } = shape(mapping) as {
    rules: Mapping['rules'];
    schema_version?: '1.0' | '2.0';
  };
  checkMapping(rules, schema_version);
};
const rule = (local: unknown, remote: unknown) => ({ rules: [{ local: [local], remote: [remote] }] });
const user = { user: { name: '{0}' } };
const sub = { type: 'sub' };

test('mappings of the documentation are right', (t) => {
  t.notThrows(() => check(rule(user, sub)));
  t.notThrows(() => check(rule({ user: { name: '{{{0}}}' } }, { ...sub, whitelist: ['.*Team$'], regex: true })));
  t.notThrows(() => check({ rules: [{ local: [], remote: [sub] }], schema_version: '2.0' }));
  t.notThrows(() =>
    check({
      ...rule({ projects: [{ name: 'p', roles: [{ name: 'r' }], domain: { name: 'd' } }], domain: { id: 'd' } }, sub),
      schema_version: '2.0',
    }),
  );
});

for (const [what, mapping, words] of [
  ['no rules', { rules: [] }, /rules/],
  ['rules that are no list', { rules: {} }, /rules/],
  ['nothing that is asked', { rules: [{ local: [user], remote: [] }] }, /rules\.0\.remote/],
  ['an unknown version', { ...rule(user, sub), schema_version: '9.9' }, /schema_version/],
  ['an unknown word', { ...rule(user, sub), more: 1 }, /unexpected more/],
  ['an unknown word of a rule', { rules: [{ local: [user], remote: [sub], more: 1 }] }, /rules\.0.*more/],
  ['an unknown word of local', rule({ users: {} }, sub), /rules\.0\.local\.0.*users/],
  ['an unknown word of remote', rule(user, { ...sub, one_of: [] }), /rules\.0\.remote\.0.*one_of/],
  ['a requirement without an attribute', rule(user, {}), /rules\.0\.remote\.0/],
  ['an unknown kind of user', rule({ user: { type: 'god' } }, sub), /rules\.0\.local\.0\.user\.type/],
  ['two conditions', rule(user, { ...sub, whitelist: [], blacklist: [] }), /rules\.0\.remote\.0: only one of/],
  ['regex without a condition', rule(user, { ...sub, regex: true }), /rules\.0\.remote\.0: regex/],
  ['a wrong expression', rule(user, { ...sub, whitelist: ['('], regex: true }), /"\(" is not a regular expression/],
  ['looking ahead', rule(user, { ...sub, whitelist: ['(?=a)'], regex: true }), /not a regular expression/],
  ['an endless expression', rule(user, { ...sub, whitelist: ['a'.repeat(257)], regex: true }), /256 characters/],
  ['a value that is not there', rule({ user: { name: '{1}' } }, sub), /rules\.0\.local\.0: .*\{1\}.*has 1/],
  ['a value of a question', rule(user, { ...sub, any_one_of: ['x'] }), /has 0/],
  ['reaching into a value', rule({ user: { name: '{0.__class__}' } }, sub), /neither \{0\}/],
  ['an open brace', rule({ user: { name: 'a{0' } }, sub), /neither \{0\}/],
  ['a group without a domain', rule({ group: { name: 'g' } }, sub), /needs its domain/],
  ['a group with neither', rule({ group: {} }, sub), /by its id, or by its name/],
  ['a group with both', rule({ group: { id: 'g', name: 'g', domain: { id: 'd' } } }, sub), /by its id, or by its name/],
  ['a domain of nobody', rule({ group: { name: 'g', domain: {} } }, sub), /rules\.0\.local\.0\.group\.domain/],
  ['a project without roles', rule({ projects: [{ name: 'p' }] }, sub), /projects\.0/],
  ['a project’s domain before 2.0', rule({ projects: [{ name: 'p', roles: [], domain: { id: 'd' } }] }, sub), /2\.0/],
] as [string, unknown, RegExp][])
  test(`${what}: refused, and said where`, (t) => {
    const error = t.throws(() => check(mapping), { instanceOf: BadRequest });
    t.regex(error?.message ?? '', words);
  });
