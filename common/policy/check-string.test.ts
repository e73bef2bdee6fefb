import test from 'ava';
import { BadRequest } from '../errors.ts';
import { type Check, parseCheck, type Target } from './check-string.ts';

const unknownRule = (): Check => () => false;
const evaluate = (text: string, roles: string[] = [], attributes: Record<string, string> = {}, target: Target = {}) =>
  parseCheck(text)({ roles, attributes }, target, unknownRule);

test('roles, targets and literals are compared', (t) => {
  t.true(evaluate('role:admin', ['Admin']));
  t.false(evaluate('role:admin', ['member']));
  t.true(evaluate('project_id:%(project_id)s', [], { project_id: 'p' }, { project_id: 'p' }));
  t.false(evaluate('project_id:%(project_id)s', [], { project_id: 'p' }, { project_id: 'q' }));
  t.true(evaluate('system_scope:all', [], { system_scope: 'all' }));
  t.true(evaluate("'x':%(kind)s", [], {}, { kind: 'x' }));
});

test('an absent target equals nothing, not even an absent attribute', (t) => {
  t.false(evaluate('project_id:%(project_id)s', [], {}, {}));
  t.false(evaluate('project_id:%(project_id)s', [], {}, { project_id: null }));
});

test('not binds before and, and before or, and parentheses before all', (t) => {
  t.true(evaluate('role:a or role:b and role:c', ['a']));
  t.false(evaluate('(role:a or role:b) and role:c', ['a']));
  t.true(evaluate('not role:a and role:b', ['b']));
  t.false(evaluate('not (role:a or role:b)', ['b']));
  t.true(evaluate('role:admin or (role:reader and project_id:%(project_id)s)', ['admin']));
});

test('the empty rule and @ allow, ! and unknown rules deny', (t) => {
  t.true(evaluate(''));
  t.true(evaluate('@'));
  t.false(evaluate('!'));
  t.false(evaluate('rule:nobody_wrote_it', ['admin']));
});

for (const text of ['role:a and', '(role:a', 'role:a)', 'and', 'role:', 'a b', 'role:a role:b'])
  test(`"${text}" is no check string`, (t) => {
    t.throws(() => parseCheck(text), { instanceOf: BadRequest });
  });
