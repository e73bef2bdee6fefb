/** The README's walk-through, run as it stands there by the shell of a newcomer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { writeClientFiles } from '../../host/credentials.ts';
import {
  containerImageName,
  guestImageName,
  seedExternalNetwork,
  seedFlavors,
  seedImage,
} from '../../host/seed/catalogue.ts';
import { logIn } from '../../host/seed/client.ts';
import { personas } from '../personas.ts';
import { startRealCloud } from './real-cloud.ts';
import { imageFiles } from './things.ts';

/** The commands of the walk-through, in their order. */
async function commands(): Promise<string[]> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const section = readme.split(/^## /m).find((each) => each.startsWith('Walk-through')) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
}

test('every command of the README works, and its walk-through ends where it began', async (t) => {
  const cloud = await startRealCloud(t);
  const admin = await logIn(cloud.url, { user: 'admin', ...personas.admin });
  const files = await imageFiles();
  await seedFlavors(admin);
  const server = { name: guestImageName, path: files.guest, diskFormat: 'qcow2', containerFormat: 'bare' };
  const container = { name: containerImageName, path: files.busybox, diskFormat: 'raw', containerFormat: 'docker' };
  for (const image of [server, container]) await seedImage(admin, image);
  await seedExternalNetwork(admin, '172.24.4.0/24');
  const credentials = { bootstrapped: true, seeded: true };
  await writeClientFiles(cloud.dataDir, cloud.url, 'RegionOne', {
    ...credentials,
    admin: { user: 'admin', ...personas.admin },
    demo: { user: 'member', ...personas.member },
  });

  const blocks = await commands();
  t.true(blocks.length > 5, 'the README has a walk-through');
  const script = blocks.join('').replaceAll('/var/lib/cirrostack', cloud.dataDir);
  const cwd = join(cloud.dataDir, 'newcomer');
  await mkdir(cwd);
  const env = { ...(await cloud.clientEnvironment()), HOME: cwd };
  const limit = ['--verbose', '600', 'bash']; // against hanging: what it printed until then is shown
  const shell = spawn('timeout', [...limit, '-euxo', 'pipefail', '-c', script], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const output of [shell.stdout, shell.stderr])
    output.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const [code] = await once(shell, 'close');
  t.is(code, 0, printed.slice(-3000));
  t.regex(printed, /Linux web /, 'a session in the server');
  t.regex(printed, /1 packets received/, 'the server reached the container');

  await cloud.openstackText('admin', 'network', 'delete', 'external');
  await cloud.openstackText('admin', 'image', 'delete', guestImageName, containerImageName);
  for (const [path, key] of [
    ['/compute/v2.1/servers', 'servers'],
    ['/container/v1/containers', 'containers'],
    ['/network/v2.0/networks', 'networks'],
    ['/network/v2.0/routers', 'routers'],
    ['/network/v2.0/floatingips', 'floatingips'],
  ] as const)
    t.deepEqual((await cloud.ask('member', 'GET', path)).body[key], [], key);
});
