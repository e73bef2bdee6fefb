import { mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { BadRequest } from '../errors.ts';
import { createEnforcer } from './enforcer.ts';
import { watchPolicyFile } from './policy-watch.ts';
import { anyScope, definePolicy } from './rules.ts';

const policy = definePolicy({ 'thing:get': { check: 'role:default', scopes: anyScope, description: 'Show a thing' } });
const rule = policy['thing:get'];

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cirrostack-policy-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function watched(t: ExecutionContext, path: string, optional = false) {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  const enforcer = createEnforcer([rule]);
  const watch = await watchPolicyFile({ path, optional, log, pollMs: 10 }, enforcer.replace);
  t.teardown(() => watch.stop());
  const errors = () => lines.filter((line) => line.includes('"level":50')).length;
  return { lines, errors, inForce: () => enforcer.effective(rule) };
}

async function until(t: ExecutionContext, condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition() && Date.now() < end) await sleep(5);
  t.true(condition());
}

test('a file that is written anew, or replaced by another of its name, is in force soon after', async (t) => {
  const path = join(await directory(t), 'policy.yaml');
  await writeFile(path, 'thing:get: role:first\n');
  const { inForce, errors, lines } = await watched(t, path);
  t.is(inForce(), 'role:first');
  await writeFile(path, 'thing:get: role:second\n');
  await until(t, () => inForce() === 'role:second');
  for (const role of ['third', 'other']) {
    await writeFile(`${path}.new`, `thing:get: role:${role}\n`);
    await rename(`${path}.new`, path);
    await until(t, () => inForce() === `role:${role}`);
  }
  t.is(errors(), 0);
  t.is(lines.filter((line) => line.includes('"changed":["thing:get"]')).length, 3);
});

test('a symbolic link that is pointed elsewhere is a change', async (t) => {
  const folder = await directory(t);
  const path = join(folder, 'policy.yaml');
  for (const role of ['a', 'b']) await writeFile(join(folder, role), `thing:get: role:${role}\n`);
  await symlink('a', path);
  const { inForce } = await watched(t, path);
  t.is(inForce(), 'role:a');
  await symlink('b', `${path}.new`);
  await rename(`${path}.new`, path);
  await until(t, () => inForce() === 'role:b');
});

for (const [what, spoil] of [
  ['invalid', (path: string) => writeFile(path, 'thing:get: role:a and\n')],
  ['no YAML', (path: string) => writeFile(path, '{"thing:get": "role:')],
  ['of a rule that does not exist', (path: string) => writeFile(path, 'thing:gte: "@"\n')],
  ['truncated', (path: string) => truncate(path)],
  ['gone', (path: string) => rm(path)],
] as const)
  test(`a file that is ${what} is told of once, and the policy from before stays until there is a good one`, async (t) => {
    const path = join(await directory(t), 'policy.yaml');
    await writeFile(path, 'thing:get: role:good\n');
    const { inForce, errors, lines } = await watched(t, path);
    await spoil(path);
    await until(t, () => errors() === 1);
    t.is(inForce(), 'role:good');
    t.true(lines.some((line) => line.includes(path)));
    await writeFile(path, 'thing:get: role:mended\n');
    await until(t, () => inForce() === 'role:mended');
    t.is(errors(), 1);
  });

test('what is not valid at the start is refused, and so is a file that was named and is not there', async (t) => {
  const path = join(await directory(t), 'policy.yaml');
  await t.throwsAsync(watched(t, path), { instanceOf: BadRequest, message: /cannot be read: ENOENT/ });
  await writeFile(path, 'thing:gte: "@"\n');
  await t.throwsAsync(watched(t, path), {
    instanceOf: BadRequest,
    message: /policy\.yaml is not valid: .*thing:gte is no rule/,
  });
  await t.throwsAsync(watched(t, path, true), { instanceOf: BadRequest });
});

test('a file that need not be there is in force once it is', async (t) => {
  const path = join(await directory(t), 'policy.yaml');
  const { inForce, errors } = await watched(t, path, true);
  t.is(inForce(), 'role:default');
  await writeFile(path, '# nothing\n{}\n');
  await writeFile(path, 'thing:get: role:new\n');
  await until(t, () => inForce() === 'role:new');
  t.is(errors(), 0);
});
