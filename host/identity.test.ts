import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startTestCloud, type TestCloud } from '../tests/cloud.ts';

const program = join(import.meta.dirname, 'cirrostack.ts');

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

interface Given {
  input?: string;
  env?: Record<string, string>;
}

function run(args: string[], { input = '', env = {} }: Given = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, ...env } };
    const child = execFile(process.execPath, [program, 'identity', ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

/** As `bin/up` leaves a data directory. */
async function commandOn(cloud: TestCloud): Promise<(args: string[], given?: Given) => Promise<Outcome>> {
  const { dataDir, databaseUrl } = cloud.config;
  await writeFile(join(dataDir, 'cirrostack.json'), JSON.stringify({ dataDir, databaseUrl: databaseUrl.reveal() }));
  return ([action = '', ...args], given) => run([action, ...args, '--data-dir', dataDir], given);
}

async function logIn(cloud: TestCloud, name: string, password: string) {
  const user = { name, domain: { id: 'default' }, password };
  return cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity: { methods: ['password'], password: { user } } } },
  });
}

/** Waits for what another process has told the database. */
async function becomes(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('resetting a password lets a locked user in again, with one made up that nobody else sees', async (t) => {
  const cloud = await startTestCloud(t, {
    lockoutFailureAttempts: 1,
    lockoutDuration: 0,
    passwordRegex: '^impossible$',
    changePasswordUponFirstUse: true,
  });
  const cirrostack = await commandOn(cloud);
  await cloud.as('member').token();
  await logIn(cloud, 'member', 'wrong');
  t.is((await logIn(cloud, 'member', 'member-password')).status, 401);
  const { code, stdout, stderr } = await cirrostack(['reset-password', 'member']);
  t.is(code, 0, stderr);
  const password = stdout.trim();
  t.regex(password, /^[\w-]{24}$/);
  t.false(stderr.includes(password));
  t.is((await logIn(cloud, 'member', password)).status, 201);
  const projects = { method: 'GET', path: '/identity/v3/auth/projects' };
  await becomes(async () => (await cloud.as('member').request(projects)).status === 401);
});

test('a password to reset to can be given, for a user by id, in any domain', async (t) => {
  const cloud = await startTestCloud(t);
  const cirrostack = await commandOn(cloud);
  const { userId } = cloud.as('member');
  const { code, stdout } = await cirrostack(['reset-password', userId, '--password-stdin'], { input: 'given\nmore\n' });
  t.deepEqual([code, stdout], [0, '']);
  t.is((await logIn(cloud, 'member', 'given')).status, 201);
  await cloud.db('domains').insert({ id: 'other', name: 'Other' });
  await cloud.db('users').where({ id: userId }).update({ domain_id: 'other' });
  t.is((await cirrostack(['reset-password', 'member'])).code, 2);
  for (const domain of ['Other', 'other'])
    t.is((await cirrostack(['reset-password', 'member', '--domain', domain])).code, 0);
});

test('bootstrapping a cloud that has everything changes nothing, unless it is the password', async (t) => {
  const cloud = await startTestCloud(t);
  const cirrostack = await commandOn(cloud);
  const counts = () =>
    Promise.all(['users', 'roles', 'projects', 'role_assignments'].map((table) => cloud.db(table).count().first()));
  const before = await counts();
  const token = await cloud.as('admin').token();
  const same = await cirrostack(['bootstrap'], { env: { OS_BOOTSTRAP_PASSWORD: 'admin-password' } });
  t.is(same.code, 0, same.stderr);
  t.regex(same.stderr, /there already/);
  await cloud.as('admin').get('/identity/v3/users');
  await cloud.db('users').where({ name: 'admin' }).update({ enabled: false });
  const other = await cirrostack(['bootstrap', '--password-stdin'], { input: 'another-password\n' });
  t.is(other.code, 0, other.stderr);
  t.deepEqual(await counts(), before);
  t.is((await logIn(cloud, 'admin', 'another-password')).status, 201);
  t.is((await logIn(cloud, 'admin', 'admin-password')).status, 401);
  const ask = { method: 'GET', path: '/identity/v3/users', headers: { 'x-auth-token': token } };
  await becomes(async () => (await cloud.anonymous.request(ask)).status === 401);
});

test('a running process signs with the new key after a rotation, and nobody is logged out', async (t) => {
  const cloud = await startTestCloud(t);
  const cirrostack = await commandOn(cloud);
  await cloud.as('member').token();
  const { code, stderr } = await cirrostack(['rotate-keys']);
  t.is(code, 0, stderr);
  const [, id] = stderr.match(/^Key ([0-9a-f]{16}) signs/) ?? [];
  t.truthy(id);
  const keyOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  await becomes(async () => {
    const answer = await logIn(cloud, 'reader', 'reader-password');
    return keyOf(String(answer.headers['x-subject-token'])) === id;
  });
  await cloud.as('member').get('/identity/v3/auth/projects');
});

test('keys are rotated only where the cloud’s own master key is', async (t) => {
  const cloud = await startTestCloud(t);
  const cirrostack = await commandOn(cloud);
  const master = join(cloud.config.dataDir, 'master.key');
  await writeFile(master, `${'0'.repeat(64)}\n`);
  const { code } = await cirrostack(['rotate-keys']);
  t.is(code, 1);
  t.is((await cloud.db('token_keys')).length, 1);
  const nowhere = join(cloud.config.dataDir, 'nowhere');
  t.is((await run(['rotate-keys', '--data-dir', nowhere])).code, 2);
  t.false((await readdir(cloud.config.dataDir)).includes('nowhere'));
});

test('mistakes are told in a line, and every command explains itself', async (t) => {
  for (const args of [[], ['dance'], ['reset-password'], ['bootstrap', '--password', 'x'], ['bootstrap']]) {
    const { code, stderr } = await run(args);
    t.is(code, 2, args.join(' '));
    t.true(stderr.trim().split('\n').length <= 2, stderr);
  }
  t.regex((await run(['--help'])).stdout, /reset-password USER/);
});
