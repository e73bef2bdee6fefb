import test from 'ava';
import { BadRequest } from '../errors.ts';
import { parsePolicy, readPolicyFile } from './policy-file.ts';

test('a policy file is YAML or JSON', (t) => {
  const expected = { 'identity:create_user': 'role:admin', owner: 'user_id:%(user_id)s' };
  t.deepEqual(parsePolicy(JSON.stringify(expected)), expected);
  t.deepEqual(parsePolicy(JSON.stringify(expected, null, '\t')), expected);
  t.deepEqual(
    parsePolicy('---\n# who\n"identity:create_user": "role:admin"\nowner: user_id:%(user_id)s # the user\n'),
    expected,
  );
  t.deepEqual(parsePolicy('"identity:create_user": >-\n  role:admin or\n  role:manager\n'), {
    'identity:create_user': 'role:admin or role:manager',
  });
});

test('a file of comments alone changes nothing, and neither does an empty object', (t) => {
  t.deepEqual(parsePolicy('# Create a user\n#"identity:create_user": "role:admin"\n'), {});
  t.deepEqual(parsePolicy('{}'), {});
});

test('lists are alternatives of checks that belong together', (t) => {
  t.deepEqual(parsePolicy('{"a": [["role:x", "role:y or role:z"], "role:w"], "b": []}'), {
    a: '((role:x) and (role:y or role:z)) or ((role:w))',
    b: '',
  });
});

for (const [what, content] of [
  ['nothing at all', ''],
  ['blanks', ' \n\n'],
  ['a list', '["role:admin"]'],
  ['a text', 'role:admin'],
  ['a number for a check', 'a: 7'],
  ['no check', 'a:'],
  ['null', '{"a": null}'],
  ['an object for a check', 'a: {b: c}'],
  ['a list of numbers', 'a: [[7]]'],
  ['a list of nothing', 'a: [[]]'],
  ['half a file of JSON', '{"a": "role:adm'],
  ['half a file of YAML', '"a": "role:admin"\n"b'],
  ['one name twice', 'a: "role:x"\na: "role:y"\n'],
  ['two documents', 'a: "@"\n---\na: "!"\n'],
  ['a tag of code', 'a: !!js/function "x"'],
  ['an alias of nothing', 'a: *b'],
  ['more aliases than anybody needs', bomb()],
  ['a megabyte', `a: "${'x'.repeat(1024 * 1024)}"`],
])
  test(`${what} is refused`, (t) => {
    t.throws(() => parsePolicy(content as string), { instanceOf: BadRequest });
  });

function bomb(): string {
  const lines = Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}]`);
  return ['a0: &a0 ["@"]', ...lines].join('\n');
}

test('a file that is not there is refused by its name', async (t) => {
  await t.throwsAsync(
    readPolicyFile('/nowhere/policy.yaml', () => undefined),
    {
      instanceOf: BadRequest,
      message: 'The policy file /nowhere/policy.yaml cannot be read: ENOENT.',
    },
  );
});
