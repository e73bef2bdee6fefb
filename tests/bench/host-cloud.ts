/** A cloud on this host's real engines, made by `bin/up` in a temporary directory and removed by `bin/down --purge`. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runningApiProcess } from '../../host/api-process.ts';
import { type Credentials, readCredentials } from '../../host/credentials.ts';
import type { HostContext } from '../../host/engines/engine.ts';
import { execute } from '../../host/execute.ts';
import { listServers } from '../../host/guests.ts';
import { contextOf, defaultDataDir, readSettings } from '../../host/options.ts';
import { missingPackages } from '../../host/packages.ts';
import { freePort } from './free-port.ts';
import { alsoWhenInterrupted } from './interrupted.ts';

const root = join(import.meta.dirname, '..', '..');

export interface HostCloud {
  url: string;
  context: HostContext;
  credentials: Credentials;
  /** How long `bin/up` took, to a server that answers ping: from nothing but installed packages, and after a `bin/down`. */
  firstUpSeconds: number;
  upAgainSeconds: number;
  remove(): Promise<void>;
}

/** @throws when this host runs a cloud, which a benchmark would disturb and finally remove. */
export async function startHostCloud(): Promise<HostCloud> {
  await refuseBesideCloud();
  const dataDir = await mkdtemp('/var/tmp/cirrostack-bench-'); // not below TMPDIR: its sockets' paths must be short
  await chmod(dataDir, 0o711);
  const remove = alsoWhenInterrupted(async () => {
    await execute(join(root, 'bin/down'), ['--purge', '--data-dir', dataDir], { timeoutSeconds: 300 });
    await rm(dataDir, { recursive: true, force: true });
  });
  try {
    const port = await freePort();
    const firstUpSeconds = await up(dataDir, ['--no-install', '--listen', `127.0.0.1:${port}`]);
    await execute(join(root, 'bin/down'), ['--data-dir', dataDir], { timeoutSeconds: 300 });
    const upAgainSeconds = await up(dataDir, []);
    const context = contextOf(dataDir, await readSettings(dataDir));
    const credentials = await readCredentials(dataDir);
    return { url: `http://127.0.0.1:${port}`, context, credentials, firstUpSeconds, upAgainSeconds, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function up(dataDir: string, options: string[]): Promise<number> {
  const begun = performance.now();
  await execute(join(root, 'bin/up'), ['--data-dir', dataDir, ...options], { timeoutSeconds: 600 });
  return (performance.now() - begun) / 1000;
}

async function refuseBesideCloud(): Promise<void> {
  if (process.getuid!() !== 0) throw new Error('This benchmark starts engines: run it as root.');
  const missing = await missingPackages();
  if (missing.length > 0) throw new Error(`It measures without the time of installing: first install ${missing}`);
  const context = contextOf(defaultDataDir, await readSettings(defaultDataDir));
  const isInUse = (await runningApiProcess(context)) !== undefined;
  const servers = existsSync('/run/libvirt/libvirt-sock') ? await listServers({ all: true }).catch(() => []) : [];
  if (isInUse || servers.length > 0)
    throw new Error('A cloud is on this host, and this benchmark would remove it: bin/down --purge first.');
}
