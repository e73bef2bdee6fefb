/** What docs/compatibility.md says that the `openstack` client can do, done; on simulated hosts, as it is about the API. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { freePort } from '../bench/free-port.ts';
import { startRunningCloud } from '../browser/cloud.ts';
import { personas } from '../personas.ts';
import { startForkingOpenstack } from './forking.ts';

test('every command of docs/compatibility.md works', async (t) => {
  const cloud = await startRunningCloud(t, { listenPort: await freePort() });
  const document = await readFile(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
  const commands = document.match(/^```sh\n(.*?)^```$/ms)?.[1] ?? '';
  t.true(commands.split('\n').length > 50, 'the document has commands');
  const cwd = await mkdtemp(join(tmpdir(), 'cirrostack-commands-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  const env = {
    ...(await startForkingOpenstack(t)),
    HOME: cwd,
    OS_AUTH_URL: `${cloud.url}/identity/v3`,
    OS_IDENTITY_API_VERSION: '3',
    OS_USERNAME: 'admin',
    OS_PASSWORD: personas.admin.password,
    OS_PROJECT_NAME: personas.admin.project,
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
  };
  const shell = spawn('bash', ['-euxo', 'pipefail', '-c', commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const output of [shell.stdout, shell.stderr])
    output.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const [code] = await once(shell, 'close');
  t.is(code, 0, printed.slice(-2000));
  const failures = cloud.logLines.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);
  t.deepEqual(failures, []);
});
