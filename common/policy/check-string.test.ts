import test from 'ava';
import { BadRequest } from '../errors.ts';
import { parseCheck, printCheck, type Target } from './check-string.ts';
import { type Credentials, compileCheck } from './evaluate.ts';

const nobody: Credentials['attributes'] = {
  user_id: null,
  user_domain_id: null,
  project_id: null,
  domain_id: null,
  system_scope: null,
  is_admin: 'False',
  is_admin_project: 'True',
};
const evaluate = (
  text: string,
  roles: string[] = [],
  attributes: Partial<Credentials['attributes']> = {},
  target: Target = {},
) => compileCheck(parseCheck(text), () => () => false)({ roles, attributes: { ...nobody, ...attributes } }, target);

test('roles, targets and literals are compared', (t) => {
  t.true(evaluate('role:admin', ['Admin']));
  t.false(evaluate('role:admin', ['member']));
  t.true(evaluate('role:%(role.name)s', ['member'], {}, { 'role.name': 'Member' }));
  t.false(evaluate('role:%(role.name)s', ['member'], {}, {}));
  t.true(evaluate('project_id:%(project_id)s', [], { project_id: 'p' }, { project_id: 'p' }));
  t.false(evaluate('project_id:%(project_id)s', [], { project_id: 'p' }, { project_id: 'q' }));
  t.true(evaluate('system_scope:all', [], { system_scope: 'all' }));
  t.true(evaluate("'x':%(kind)s", [], {}, { kind: 'x' }));
  t.true(evaluate('"x":%(kind)s', [], {}, { kind: 'x' }));
  t.true(evaluate('True:%(enabled)s', [], {}, { enabled: true }));
  t.true(evaluate('7:%(weight)s', [], {}, { weight: 7 }));
  t.true(evaluate('domain_id:None'));
});

test('None is a target that says so, and not one that is missing', (t) => {
  t.true(evaluate('None:%(target.role.domain_id)s', [], {}, { 'target.role.domain_id': null }));
  t.false(evaluate('None:%(target.role.domain_id)s', [], {}, { 'target.role.domain_id': 'd' }));
  t.false(evaluate('None:%(target.role.domain_id)s', [], {}, {}));
});

test('an absent target equals nothing, not even an absent attribute', (t) => {
  t.false(evaluate('project_id:%(project_id)s', [], {}, {}));
  t.false(evaluate('project_id:%(project_id)s', [], {}, { project_id: null }));
  t.false(evaluate('project_id:%(constructor)s', [], { project_id: 'p' }, {}));
});

test('what Keystone’s rules find in a token is an attribute of it', (t) => {
  const target = { 'target.user.domain_id': 'd' };
  t.true(evaluate('token.domain.id:%(target.user.domain_id)s', [], { domain_id: 'd' }, target));
  t.false(evaluate('token.domain.id:%(target.user.domain_id)s', [], { user_domain_id: 'd' }, target));
});

test('a tenant is a project, and an older name finds what an identity route is about', (t) => {
  t.true(evaluate('tenant_id:%(tenant_id)s', [], { project_id: 'p' }, { project_id: 'p' }));
  t.true(evaluate('tenant_id:%(network:tenant_id)s', [], { project_id: 'p' }, { 'network:project_id': 'p' }));
  t.true(evaluate('user_id:%(user_id)s', [], { user_id: 'u' }, { 'target.user.id': 'u' }));
  t.false(evaluate('user_id:%(user_id)s', [], { user_id: 'u' }, { user_id: 'v', 'target.user.id': 'u' }));
});

test('not binds before and, and before or, and parentheses before all', (t) => {
  t.true(evaluate('role:a or role:b and role:c', ['a']));
  t.false(evaluate('(role:a or role:b) and role:c', ['a']));
  t.true(evaluate('not role:a and role:b', ['b']));
  t.true(evaluate('not not role:b', ['b']));
  t.false(evaluate('not (role:a or role:b)', ['b']));
  t.true(evaluate('role:admin OR (role:reader AND project_id:%(project_id)s)', ['admin']));
});

test('the empty rule and @ allow, ! and unknown rules deny', (t) => {
  t.true(evaluate(''));
  t.true(evaluate('  '));
  t.true(evaluate('@'));
  t.false(evaluate('!'));
  t.false(evaluate('rule:nobody_wrote_it', ['admin']));
});

for (const text of [
  'role:a and',
  'or',
  '(role:a',
  'role:a)',
  '()',
  'not',
  'and',
  'role:',
  ':a',
  'a b',
  'role:a role:b',
  'project_id:x%(project_id)s',
  'project_id:%(project_id)',
  'project_id:100%',
  'http://policy.example.org/check',
  'https://policy.example.org/check',
  'field:networks:shared=True',
  '"role:a"',
])
  test(`"${text}" is no check string`, (t) => {
    t.throws(() => parseCheck(text), { instanceOf: BadRequest, message: /is not a valid check string/ });
  });

test('what is deeper or longer than anybody writes is refused, soon and without its whole text', (t) => {
  const began = performance.now();
  for (const text of [
    `${'('.repeat(10_000)}@${')'.repeat(10_000)}`,
    `${'('.repeat(100)}@${')'.repeat(100)}`,
    `${'not '.repeat(100)}@`,
    'x'.repeat(1_000_000),
    `${'role:a or '.repeat(100_000)}role:b`,
    '%('.repeat(9000),
  ]) {
    const error = t.throws(() => parseCheck(text), { instanceOf: BadRequest });
    t.true((error?.message.length ?? 0) < 400);
  }
  t.true(performance.now() - began < 1000);
  t.notThrows(() => parseCheck(`${'('.repeat(30)}@${')'.repeat(30)}`));
});

test('what was taken apart is put together as it was', (t) => {
  for (const text of [
    'role:a or (role:b and not (role:c or role:d))',
    "'x':%(kind)s",
    'None:%(target.role.domain_id)s',
    'rule:owner and system_scope:all',
    '@',
    '!',
  ])
    t.is(printCheck(parseCheck(text)), text);
});
