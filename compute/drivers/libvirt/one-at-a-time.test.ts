import test from 'ava';
import { OneAtATime } from './one-at-a-time.ts';

test('work on one id runs in order and never at once, also after a failure', async (t) => {
  const queue = new OneAtATime();
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = queue.run('a', async () => {
    said.push('first begins');
    await gate.promise;
    said.push('first ends');
    throw new Error('first failed');
  });
  const second = queue.run('a', async () => {
    said.push('second');
    return 2;
  });
  await queue.run('b', async () => said.push('other'));
  gate.resolve();
  await t.throwsAsync(first, { message: 'first failed' });
  t.is(await second, 2);
  t.deepEqual(said, ['first begins', 'other', 'first ends', 'second']);
});
