import test from 'ava';
import type { Mapping, Rule, SchemaVersion } from './mapping.ts';
import { type Assertion, applyMapping } from './rules.ts';
import { Unmappable } from './unmappable.ts';

const ada: Record<string, string[]> = {
  sub: ['7d'],
  name: ['ada'],
  mail: ['ada@example.test'],
  groups: ['staff', 'operators', 'chess'],
};

const apply = (rules: Rule[], said: Record<string, string[]> = ada, schemaVersion: SchemaVersion = '1.0') =>
  applyMapping({ id: 'm', rules, schemaVersion } satisfies Mapping, new Map(Object.entries(said)) as Assertion);
const named = { local: [{ user: { name: '{0}' } }], remote: [{ type: 'name' }] } satisfies Rule;

test('values stand where their numbers are', (t) => {
  const { user } = apply([
    {
      local: [{ user: { id: '{0}', name: '{1} <{2}>', email: '{2}', domain: { name: 'Home' } } }],
      remote: [{ type: 'sub' }, { type: 'name' }, { type: 'mail' }],
    },
  ]);
  t.deepEqual(user, {
    id: '7d',
    name: 'ada <ada@example.test>',
    email: 'ada@example.test',
    domain: { name: 'Home' },
    type: 'ephemeral',
  });
});

test('requirements that only ask are not counted', (t) => {
  const { user } = apply([
    {
      local: [{ user: { name: '{1}', id: '{0}', type: 'local' } }],
      remote: [
        { type: 'groups', any_one_of: ['staff'] },
        { type: 'sub' },
        { type: 'mail', not_any_of: ['x'] },
        { type: 'name' },
      ],
    },
  ]);
  t.like(user, { id: '7d', name: 'ada', type: 'local' });
});

const applies = (remote: Rule['remote']) => {
  try {
    apply([{ local: [{ user: { name: 'x' } }], remote }]);
    return true;
  } catch (error) {
    if (error instanceof Unmappable) return false;
    throw error;
  }
};

test('a rule applies when every requirement is met', (t) => {
  t.true(applies([{ type: 'groups', any_one_of: ['x', 'chess'] }]));
  t.false(applies([{ type: 'groups', any_one_of: ['x', 'ches'] }]));
  t.true(applies([{ type: 'groups', any_one_of: ['^che'], regex: true }]));
  t.true(applies([{ type: 'groups', not_any_of: ['x'] }]));
  t.false(applies([{ type: 'groups', not_any_of: ['x', 'staff'] }]));
  t.false(applies([{ type: 'groups', not_any_of: ['taf'], regex: true }]));
  t.false(applies([{ type: 'groups', any_one_of: ['staff'] }, { type: 'absent' }]));
  t.false(applies([{ type: 'absent', not_any_of: ['staff'] }]), 'what is not said meets nothing');
  t.false(applies([{ type: 'groups', any_one_of: [] }]));
  t.true(applies([{ type: 'groups', not_any_of: [] }]));
});

const groupsBy = (remote: Rule['remote'][number], said = ada) =>
  apply([named, { local: [{ groups: '{0}', domain: { id: 'd' } }], remote: [remote] }], said).groupNames.map(
    ({ name }) => name,
  );

test('a whitelist lets through what it has, a blacklist what it has not', (t) => {
  t.deepEqual(groupsBy({ type: 'groups' }), ['staff', 'operators', 'chess']);
  t.deepEqual(groupsBy({ type: 'groups', whitelist: ['chess', 'x', 'staff'] }), ['staff', 'chess']);
  t.deepEqual(groupsBy({ type: 'groups', blacklist: ['chess', 'x'] }), ['staff', 'operators']);
  t.deepEqual(groupsBy({ type: 'groups', whitelist: ['s$', '^c'], regex: true }), ['operators', 'chess']);
  t.deepEqual(groupsBy({ type: 'groups', blacklist: ['s$'], regex: true }), ['staff']);
  t.deepEqual(groupsBy({ type: 'groups', whitelist: [] }), []);
  t.deepEqual(groupsBy({ type: 'groups', whitelist: ['none of them'] }), [], 'the rule applies, with nothing');
});

test('a value is one value, whatever it looks like', (t) => {
  for (const name of ["['admins']", '["admins", "x"]', 'a;admins', 'a, admins', '{0}', 'JSON:{"name":"x"}'])
    t.deepEqual(groupsBy({ type: 'groups' }, { ...ada, groups: [name] }), [name]);
});

test('groups by id, by name, and lists of them add up over all rules', (t) => {
  const { groupIds, groupNames } = apply([
    named,
    { local: [{ group: { id: 'g1' } }, { group_ids: '[\'g2\', "g3"]' }], remote: [{ type: 'sub' }] },
    {
      local: [{ group: { name: '{0}', domain: { name: 'Home' } } }, { group_ids: 'g1' }],
      remote: [{ type: 'groups', whitelist: ['staff'] }],
    },
    { local: [{ groups: 'one', domain: { id: 'd' } }], remote: [{ type: 'sub' }] },
    { local: [{ group_ids: '{0}' }], remote: [{ type: 'groups' }] },
    { local: [{ group: { id: 'never' } }], remote: [{ type: 'sub', any_one_of: ['other'] }] },
  ]);
  t.deepEqual(groupIds, ['g1', 'g2', 'g3', 'staff', 'operators', 'chess']);
  t.deepEqual(groupNames, [
    { name: 'staff', domain: { name: 'Home' } },
    { name: 'one', domain: { id: 'd' } },
  ]);
});

test('without a domain in the rule the identity provider names that of a group', (t) => {
  const rules: Rule[] = [named, { local: [{ groups: '{0}' }], remote: [{ type: 'groups' }] }];
  const { groupNames } = apply(rules, { ...ada, groups: ['JSON:{"name":"g","domain":{"name":"D"}}'] });
  t.deepEqual(groupNames, [{ name: 'g', domain: { name: 'D' } }]);
  for (const said of ['g', 'JSON:{', 'JSON:[]', 'JSON:null', 'JSON:{"name":"g"}', '{"name":"g","domain":{"name":"D"}}'])
    t.throws(() => apply(rules, { ...ada, groups: [said] }), { instanceOf: Unmappable }, said);
});

test('the first user wins, and the last projects', (t) => {
  const { user, projects } = apply([
    { local: [{ user: {} }, { projects: [{ name: 'a', roles: [{ name: 'admin' }] }] }], remote: [{ type: 'sub' }] },
    named,
    {
      local: [{ user: { name: 'other' } }, { projects: [{ name: "{0}'s", roles: [{ name: 'reader' }] }] }],
      remote: [{ type: 'name' }],
    },
  ]);
  t.is(user.name, 'ada');
  t.deepEqual(projects, [{ name: "ada's", roles: ['reader'] }]);
});

test('a domain beside a user or projects is theirs since 2.0', (t) => {
  const rules: Rule[] = [
    {
      local: [
        {
          user: { name: 'x' },
          domain: { name: 'Home' },
          projects: [
            { name: 'p', roles: [] },
            { name: 'q', roles: [], domain: { id: 'd' } },
          ],
        },
      ],
      remote: [{ type: 'sub' }],
    },
  ];
  t.is(apply(rules).user.domain, undefined);
  const second = apply(rules, ada, '2.0');
  t.deepEqual(second.user.domain, { name: 'Home' });
  t.deepEqual(
    second.projects.map(({ domain }) => domain),
    [{ name: 'Home' }, { id: 'd' }],
  );
});

test('who has several names, or an empty or endless one, is nobody', (t) => {
  const rules: Rule[] = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'name' }] }];
  for (const name of [['a', 'b'], [' '], ['x'.repeat(256)]])
    t.throws(() => apply(rules, { name }), { instanceOf: Unmappable });
  t.is(apply(rules, { name: ['x'.repeat(255)] }).user.name?.length, 255);
});

test('a regular expression takes no longer than its text is long', (t) => {
  const said = { ...ada, groups: [`${'a'.repeat(1000)}!`] };
  const started = performance.now();
  t.deepEqual(groupsBy({ type: 'groups', whitelist: ['^(a+)+$', '^(a|aa)+$', '(x+x+)+y'], regex: true }, said), []);
  t.true(performance.now() - started < 5000, 'JavaScript’s own would never come back');
});

test('a text that is too long to be matched lets nobody past a blacklist', (t) => {
  const said = { ...ada, groups: ['x'.repeat(1025)] };
  t.throws(() => groupsBy({ type: 'groups', blacklist: ['x'], regex: true }, said), { instanceOf: Unmappable });
});
