import test from 'ava';
import { wordsOf } from './words.ts';

test('a command is split by spaces outside of quotes', (t) => {
  t.deepEqual(wordsOf('sleep  3600'), ['sleep', '3600']);
  t.deepEqual(wordsOf(`sh -c 'echo "a b"; sleep 1'`), ['sh', '-c', 'echo "a b"; sleep 1']);
  t.deepEqual(wordsOf('a"b c"d'), ['ab cd']);
  t.deepEqual(wordsOf('a\\ b "say \\"hi\\""'), ['a b', 'say "hi"']);
  t.deepEqual(wordsOf(`''`), ['']);
  t.deepEqual(wordsOf('   '), []);
});

test('an open quote is no command', (t) => {
  t.is(wordsOf('sh -c "echo'), undefined);
});
