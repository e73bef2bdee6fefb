/** What can be wrong with a host or the cloud on it, and what to do about it. `bin/up` and `cirrostack doctor` ask the same. */

import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, freemem, hostname, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { detectVirtualisation } from '../compute/drivers/libvirt/virtualisation.ts';
import { runningApiProcess } from './api-process.ts';
import { type Finding, fail, type HostContext, hasSystemd, ok, warn } from './engines/engine.ts';
import { engines } from './engines/engines.ts';
import { guard } from './guard.ts';
import { foreignGuests, hostsOfCloud } from './hosts-of-cloud.ts';
import { imageCopies } from './image-copies.ts';
import { type HostSettings, localUrl } from './options.ts';
import { missingPackages } from './packages.ts';
import { policy } from './policy-in-force.ts';

type Check = (context: HostContext, settings: HostSettings) => Promise<Finding[]>;

/** What has to be so before anything is installed or started. */
const beforeStart: Check[] = [system, hardware, diskSpace, reaper, clock, ownName];
const ofCloud: Check[] = [
  packages,
  virtualisation,
  ...engines.map((engine): Check => engine.check),
  policy,
  imageCopies,
  foreignGuests,
  hostsOfCloud,
  guard,
  apiProcess,
];

/** Never throws: a check that breaks is a finding. */
export async function checkHost(context: HostContext, settings: HostSettings): Promise<Finding[]> {
  return runChecks(beforeStart, context, settings);
}

export async function checkEverything(context: HostContext, settings: HostSettings): Promise<Finding[]> {
  return runChecks([...beforeStart, ...ofCloud], context, settings);
}

async function runChecks(checks: Check[], context: HostContext, settings: HostSettings): Promise<Finding[]> {
  const findings = checks.map((check) =>
    check(context, settings).catch((error: Error) => [
      fail(check.name || 'check', `cannot be checked: ${error.message}`, 'This is an error of ours: please report it.'),
    ]),
  );
  return (await Promise.all(findings)).flat();
}

async function system(): Promise<Finding[]> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string) => release.match(new RegExp(`^${key}="?([^"\n]*)`, 'm'))?.[1];
  const found = value('PRETTY_NAME') ?? 'an unknown system';
  const isDebian12 = value('ID') === 'debian' && value('VERSION_ID') === '12';
  return [
    process.getuid!() === 0 ? ok('user', 'root') : fail('user', 'not root', 'Run it as root, or with sudo.'),
    isDebian12 ? ok('system', found) : fail('system', found, 'Cirrostack needs Debian 12 (bookworm).'),
  ];
}

async function hardware(): Promise<Finding[]> {
  const cpus = availableParallelism();
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const memory = `${gib(totalmem())}, ${gib(freemem())} free`;
  return [
    cpus >= 2
      ? ok('processors', String(cpus))
      : warn('processors', String(cpus), 'Two or more make servers start in reasonable time.'),
    totalmem() >= 1.8 * 1024 ** 3
      ? ok('memory', memory)
      : warn('memory', memory, 'Give the host 2 GiB or more: servers take theirs from it.'),
  ];
}

async function diskSpace({ dataDir }: HostContext): Promise<Finding[]> {
  let path = dataDir;
  while (!existsSync(path)) path = dirname(path);
  const { bavail, bsize } = await statfs(path);
  const free = (bavail * bsize) / 1024 ** 3;
  const found = `${free.toFixed(1)} GiB free for ${dataDir}`;
  if (free < 1) return [fail('disk space', found, 'Free some, or choose a --data-dir with at least 1 GiB.')];
  return [
    free < 5
      ? warn('disk space', found, 'Images and disks of servers go there: 5 GiB or more are advisable.')
      : ok('disk space', found),
  ];
}

/** A process whose parent ends becomes a child of PID 1, which in many containers never asks how it ended. */
async function reaper(): Promise<Finding[]> {
  if (hasSystemd()) return [ok('orphaned processes', 'reaped by systemd')];
  const name = (await readFile('/proc/1/comm', 'utf8')).trim();
  if (existsSync('/usr/bin/tini'))
    return [ok('orphaned processes', `PID 1 is ${name}; libvirtd and dockerd run under tini`)];
  return [
    warn('orphaned processes', `PID 1 is ${name} and may not reap them`, 'Install tini, or run bin/up, which does.'),
  ];
}

async function clock(): Promise<Finding[]> {
  const year = new Date().getUTCFullYear();
  if (year < 2024)
    return [fail('clock', new Date().toISOString(), 'Set the clock: tokens and certificates depend on it.')];
  return [ok('clock', new Date().toISOString())];
}

/** libvirt looks it up for each server that starts; measured without an answer: 20 s each time. */
async function ownName(): Promise<Finding[]> {
  const name = hostname();
  const found = await Promise.race([lookup(name).catch(() => undefined), delay(2000, undefined, { ref: false })]);
  if (found !== undefined) return [ok('host name', `${name} is ${found.address}`)];
  return [
    warn(
      'host name',
      `${name} is not found`,
      `Add a line to /etc/hosts: 127.0.1.1 ${name}. Without, servers start slowly.`,
    ),
  ];
}

async function packages(): Promise<Finding[]> {
  const missing = await missingPackages();
  if (missing.length === 0) return [ok('Debian packages', 'all installed')];
  return [fail('Debian packages', `missing: ${missing.join(' ')}`, 'Run bin/up, which installs them.')];
}

/** Where the driver of servers keeps its answer, so that it is found out once. */
export function virtualisationPath(dataDir: string): string {
  return join(dataDir, 'compute', 'virtualisation.json');
}

async function virtualisation({ dataDir }: HostContext): Promise<Finding[]> {
  const emulator = '/usr/bin/qemu-system-x86_64';
  if (!existsSync(emulator)) return [fail('virtualisation', `no ${emulator}`, 'Run bin/up, which installs it.')];
  const { virtualisation: kind, reason } = await detectVirtualisation({
    cacheFile: existsSync(dataDir) ? virtualisationPath(dataDir) : undefined,
  });
  if (kind === 'kvm') return [ok('virtualisation', `KVM: ${reason}`)];
  const advice =
    'Servers run, several times slower. Enable VT-x or AMD-V in the firmware, or nested virtualisation where this host is a guest.';
  return [warn('virtualisation', `emulated: ${reason}`, advice)];
}

async function apiProcess(context: HostContext, settings: HostSettings): Promise<Finding[]> {
  const name = 'Cirrostack';
  const url = localUrl(settings);
  const running = await runningApiProcess(context);
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  if (answer?.ok) return [ok(name, `${url} answers${running === undefined ? '' : `, process ${running.pid}`}`)];
  const log = join(context.dataDir, 'log', 'cirrostack.log');
  if (running !== undefined)
    return [fail(name, `process ${running.pid} runs, but ${url} does not answer`, `${log} says why.`)];
  const free = await portIsFree(settings);
  return [
    free
      ? fail(name, 'is not running', `Run bin/up; if it was running, ${log} says why it ended.`)
      : fail(
          name,
          `is not running, and another program has port ${settings.listenPort}`,
          'End that one, or use bin/up --listen HOST:PORT.',
        ),
  ];
}

/** Whether the API could listen where it is told to. */
export function portIsFree({ listenHost, listenPort }: HostSettings): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(listenPort, listenHost, () => server.close(() => resolve(true)));
  });
}
