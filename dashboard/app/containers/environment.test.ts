import test from 'ava';
import { environmentOf } from './environment.ts';

test('each line is a name and its value', (t) => {
  t.deepEqual(environmentOf('A=1\n\n B_2=x=y \nC='), { A: '1', B_2: 'x=y ', C: '' });
  t.deepEqual(environmentOf(''), {});
});

test('a line that is something else is no environment', (t) => {
  for (const text of ['A', '=1', '1A=2', 'A B=3']) t.is(environmentOf(text), undefined, text);
});
