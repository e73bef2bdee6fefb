import test from 'ava';
import { isLeftByKilledEngine, renamed } from './errors.ts';

test('what a killed engine left is known by the words of the engine, which the user does not see', (t) => {
  const failure = (words: string) =>
    renamed(
      Object.assign(new Error(`(HTTP code 500) server error - ${words}`), { statusCode: 500 }),
      'Container',
      'c1',
    );
  const leftovers = [
    'failed to start shim: mkdir /run/containerd/io.containerd.runtime.v2.task/moby/e229: file exists: unknown',
    'task e229a428f3bcc136626fdcac86e1be65044ceb5e85db151545f6f390442dee9e: already exists',
  ];
  for (const words of leftovers) {
    t.true(isLeftByKilledEngine(failure(words)), words);
    t.false(failure(words).message.includes('e229'));
  }
  t.false(isLeftByKilledEngine(failure('no such network')));
});
