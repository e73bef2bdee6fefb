import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readConsole } from './console-log.ts';

async function log(t: ExecutionContext<unknown>, parts: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-console-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(parts)) await writeFile(join(directory, name), content);
  return join(directory, 'console.log');
}

test('a console that never was is empty', async (t) => {
  t.is(await readConsole(await log(t, {})), '');
});

test('the last lines are given, an unfinished one counting as one', async (t) => {
  const path = await log(t, { 'console.log': 'one\ntwo\nthree' });
  t.is(await readConsole(path), 'one\ntwo\nthree');
  t.is(await readConsole(path, 2), 'two\nthree');
  t.is(await readConsole(path, 10), 'one\ntwo\nthree');
  t.is(await readConsole(path, 0), '');
  t.is(await readConsole(await log(t, { 'console.log': 'one\ntwo\n' }), 1), 'two\n');
});

test('what was rolled over comes before what is new', async (t) => {
  const path = await log(t, { 'console.log': 'c\n', 'console.log.0': 'b\n', 'console.log.1': 'a\n' });
  t.is(await readConsole(path), 'a\nb\nc\n');
  t.is(await readConsole(path, 2), 'b\nc\n');
});

test('a guest that writes without end is cut to what one can read', async (t) => {
  const path = await log(t, { 'console.log': 'x'.repeat(3 * 1024 ** 2), 'console.log.0': 'never read' });
  t.is((await readConsole(path)).length, 1024 ** 2);
});
