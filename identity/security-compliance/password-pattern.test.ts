import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { compilePasswordPattern } from './password-pattern.ts';

const table: Record<string, { good: string[]; bad: string[] }> = {
  '^.{7,}$': { good: ['1234567', 'ääääääääää'], bad: ['123456', ''] },
  '[a-z]+': { good: ['abc', 'a1'], bad: ['1abc'] },
  '^(?=.*\\d)(?=.*[a-zA-Z]).{7,}$': { good: ['abcdef1', '1234567a'], bad: ['abcdefg', '1234567', 'abc1'] },
  '^(?=.*[)(\\]])(?!.*secret)\\S+$': { good: ['a(b', 'x]'], bad: ['ab', '(secret', 'a( b'] },
  '^(?=.*[]x])a.*': { good: ['a]', 'ax'], bad: ['ab'] },
  '^(?=.*\\d)(a|[|]b\\|)': { good: ['a1', '|b|1'], bad: ['b1', 'a'] },
  '(?i)^(?=.*ABC).{4,}': { good: ['xabc', 'xABC'], bad: ['abc', 'wxyz'] },
};

for (const [regex, { good, bad }] of Object.entries(table))
  test(`the password pattern ${regex} takes what it describes and nothing else`, (t) => {
    const matches = compilePasswordPattern(regex);
    for (const password of good) t.true(matches(password), password);
    for (const password of bad) t.false(matches(password), password);
  });

test('what the engine cannot do in linear time is refused when the process starts', (t) => {
  for (const regex of ['a(?=b)', '(a)\\1', '(?<=a)b', '(?=a', '[', '^(?=.*a)b|c'])
    t.throws(() => compilePasswordPattern(regex), { instanceOf: BadRequest, message: /passwordRegex/ }, regex);
});

test('no password keeps the pattern busy', (t) => {
  const matches = compilePasswordPattern('^(?=.*\\d)(a|a)*(a+)+(.*a){8}$');
  const begun = performance.now();
  t.false(matches('a'.repeat(4095)));
  t.false(matches(`${'a'.repeat(4095)}!`));
  t.true(performance.now() - begun < 2000); // a backtracking engine would not come back
});
