/** The program itself: it ends when it is told to, whatever has become of what it stands on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startTemporaryPostgres } from '../host/engines/postgres-temporary.ts';

const library = '/usr/lib/x86_64-linux-gnu/libvirt.so.0';

test('a process whose database and engines are gone for good ends within seconds of being told to', async (t) => {
  const postgres = await startTemporaryPostgres();
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-stop-'));
  const nowhere = join(dataDir, 'nowhere.sock');
  const settings = {
    dataDir,
    databaseUrl: postgres.url,
    listenPort: '0',
    drivers: existsSync(library) ? 'real' : 'simulated', // whose threads it must not wait for
    libvirtUri: `qemu+unix:///system?socket=${nowhere}`,
    dockerSocket: nowhere,
    ovnNorthbound: `unix:${nowhere}`,
    ovnSouthbound: `unix:${nowhere}`,
    ovsDatapath: 'netdev',
  };
  const flags = Object.entries(settings).map(
    ([name, value]) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
  );
  const program = join(import.meta.dirname, '..', 'main.ts');
  const child = spawn(process.execPath, [program, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  let log = '';
  const leads = Promise.withResolvers<void>();
  child.stderr.on('data', (chunk) => {
    log += chunk;
    if (log.includes('"leading"')) leads.resolve();
  });
  child.once('exit', () => leads.reject(new Error(log)));
  await leads.promise;
  await postgres.stop();
  const ended = once(child, 'exit');
  const began = performance.now();
  child.kill('SIGTERM');
  const hangs = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [, signal] = await ended;
  clearTimeout(hangs);
  t.is(signal, null, 'it ends by itself');
  t.log(Math.round(performance.now() - began), 'ms');
});
