import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const program = join(import.meta.dirname, 'cirrostack.ts');

async function dataDirectory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cirrostack-policy-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

function show(dataDir: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const argv = [program, 'policy', 'show', '--data-dir', dataDir, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { maxBuffer: 2 ** 24 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test('the policy is shown with what the file in the data directory changes', async (t) => {
  const dataDir = await dataDirectory(t);
  await writeFile(
    join(dataDir, 'policy.yaml'),
    '"identity:list_users": "rule:admin_required or rule:auditor"\n"auditor": "role:auditor"\n',
  );
  const all = JSON.parse((await show(dataDir, '--json')).stdout);
  t.true(all.length > 200);
  for (const entry of all) t.truthy(entry.description, entry.name);
  t.deepEqual(
    all.filter((entry: { overridden: boolean }) => entry.overridden).map((entry: { name: string }) => entry.name),
    ['identity:list_users', 'auditor'],
  );
  const { stdout } = await show(dataDir, '--rule', 'identity:list_users');
  t.regex(stdout, /^# .*\n# scopes: .*\n# ! changed; the default is: ".*"\n"identity:list_users": "rule:admin_req/);
  t.regex(stdout, /# ! only in the policy file\n"auditor": "role:auditor"/);
  t.regex(stdout, /"admin_required": /);
  t.notRegex(stdout, /create_user/);
});

test('the file that the cloud’s configuration names is the one that counts', async (t) => {
  const dataDir = await dataDirectory(t);
  const policyFile = join(dataDir, 'other.json');
  await writeFile(policyFile, '{"identity:list_users": "role:other"}');
  await writeFile(join(dataDir, 'cirrostack.json'), JSON.stringify({ dataDir, policyFile }));
  t.regex((await show(dataDir, '--changed')).stdout, /"identity:list_users": "role:other"/);
});

test('what is shown is a policy file itself, which changes nothing', async (t) => {
  const dataDir = await dataDirectory(t);
  const file = join(dataDir, 'shown.yaml');
  await writeFile(file, (await show(dataDir)).stdout);
  const { code, stdout } = await show(dataDir, '--file', file, '--changed');
  t.is(code, 0);
  t.is(stdout, '');
});

test('a file that is not valid is told of, and so is a rule that does not exist', async (t) => {
  const dataDir = await dataDirectory(t);
  const file = join(dataDir, 'tried.yaml');
  await writeFile(file, '"identity:lst_users": "@"\n');
  const tried = await show(dataDir, '--file', file);
  t.is(tried.code, 1);
  t.regex(tried.stderr, /identity:lst_users is no rule/);
  const unknown = await show(dataDir, '--rule', 'identity:lst_users');
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /There is no rule identity:lst_users/);
});
