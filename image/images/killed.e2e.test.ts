import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { migrations } from '../../cloud.ts';
import { createTestDatabase } from '../../tests/database.ts';
import { fillIdentity, personas } from '../../tests/personas.ts';
import { download, startSite } from '../import/testing.ts';
import { ownerKey } from '../stores/owner.ts';
import { images, openUploadAt, rawBare, until } from '../testing.ts';

/** Our whole program as a process of its own, that can be killed; and how to find it. */
async function startProcess(
  t: ExecutionContext,
  databaseUrl: string,
  dataDir: string,
  settings: NodeJS.ProcessEnv = {},
) {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, '../../main.ts')], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      CIRROSTACK_DATA_DIR: dataDir,
      CIRROSTACK_DRIVERS: 'simulated',
      CIRROSTACK_LISTEN_PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const said: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    said.push(line);
    if (line.includes('"msg":"started"')) resolve(JSON.parse(line).url);
  });
  child.once('exit', () => reject(new Error(`it ended early: ${said.slice(-5).join('\n')}`)));
  return { child, url: await promise };
}

async function logIn(url: string): Promise<string> {
  const { project, password } = personas.member;
  const domain = { id: 'default' };
  const answer = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: 'member', domain, password } } },
        scope: { project: { name: project, domain } },
      },
    }),
  });
  return answer.headers.get('x-subject-token')!;
}

test('killed in the middle of an upload, the cloud comes back with the image queued and no file', async (t) => {
  t.timeout(600_000);
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-killed-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const files = async () =>
    (await readdir(join(dataDir, 'images')).catch(() => [])).filter((name) => name !== ownerKey);
  const first = await startProcess(t, databaseUrl, dataDir);
  const headers = { 'x-auth-token': await logIn(first.url), 'content-type': 'application/json' };
  const created = await fetch(first.url + images, { method: 'POST', headers, body: JSON.stringify(rawBare) });
  const { id } = (await created.json()) as { id: string };
  const show = async (url: string) => await (await fetch(`${url}${images}/${id}`, { headers })).json();

  const upload = openUploadAt(first.url, headers['x-auth-token'], id);
  await upload.send(Buffer.alloc(100_000));
  await until(
    async () => (await files()).length === 1 && ((await show(first.url)) as { status: string }).status === 'saving',
  );
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  t.is((await files()).length, 1);

  const second = await startProcess(t, databaseUrl, dataDir);
  await until(async () => ((await show(second.url)) as { status: string }).status === 'queued');
  await until(async () => (await files()).length === 0);
  const again = await fetch(`${second.url}${images}/${id}/file`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body: 'bytes',
  });
  t.is(again.status, 204);
});

test('killed in the middle of an import, the cloud comes back and carries it out', async (t) => {
  t.timeout(600_000);
  let asked = 0;
  const site = await startSite(t, (_, answer) => {
    asked += 1;
    answer.write(Buffer.alloc(100_000));
    if (asked > 1) answer.end('the rest');
  });
  const settings = {
    CIRROSTACK_IMPORT_ALLOWED_PORTS: site.settings.importAllowedPorts,
    CIRROSTACK_IMPORT_ALLOWED_CIDRS: site.settings.importAllowedCidrs,
  };
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-killed-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const files = async () =>
    (await readdir(join(dataDir, 'images')).catch(() => [])).filter((name) => name !== ownerKey);
  const first = await startProcess(t, databaseUrl, dataDir, settings);
  const headers = { 'x-auth-token': await logIn(first.url), 'content-type': 'application/json' };
  const created = await fetch(first.url + images, { method: 'POST', headers, body: JSON.stringify(rawBare) });
  const { id } = (await created.json()) as { id: string };
  const importing = JSON.stringify(download(`${site.url}/image`));
  const taken = await fetch(`${first.url}${images}/${id}/import`, { method: 'POST', headers, body: importing });
  t.is(taken.status, 202);
  await until(async () => (await files()).length === 1);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await startProcess(t, databaseUrl, dataDir, settings);
  const show = async () => (await (await fetch(`${second.url}${images}/${id}`, { headers })).json()) as object;
  await until(async () => 'status' in (await show()) && ((await show()) as { status: string }).status === 'active');
  t.like(await show(), { size: 100_008, os_glance_failed_import: '' });
  t.is(asked, 2);
  await until(async () => (await files()).length === 1);
});
