/**
 * Conversion by qemu-img, which is too large a program to trust with what strangers made: it gets two open files, and sees
 * nothing else of this host but programs. Without a network, as a user that owns nothing, within limits of time, memory and size.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BadRequest, Unavailable } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { DeclaredFormat, DiskFormat } from '../inspection/inspector.ts';

export interface ConversionSettings {
  /** Null: images stay what they are. */
  to: 'qcow2' | 'raw' | null;
  mostSeconds: number;
  /** Of the disk in an image, in bytes. */
  mostBytes: number;
  /** Whom it runs as, when we may choose. */
  uid: number;
}

/** What qemu-img calls the formats that are disks. */
const drivers: Partial<Record<DiskFormat, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vhd: 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
};
const mostMemoryBytes = 2 * 2 ** 30;
/** Tables and a rounded end, beyond the disk itself. */
const allowanceBytes = 64 * 2 ** 20;

/** What the image is to become; null where it stays as it is: discs and archives are not disks, and most are right already. */
export function targetOf({ diskFormat, containerFormat }: DeclaredFormat, { to }: ConversionSettings) {
  const isDisk = containerFormat === 'bare' && drivers[diskFormat] !== undefined;
  return isDisk && to !== diskFormat ? to : null;
}

export interface Conversion {
  /** Accepted by the inspector, which also said the size of the disk in it. */
  inputPath: string;
  from: DiskFormat;
  to: 'qcow2' | 'raw';
  virtualSizeBytes: number;
  /** Must not be there yet; whoever asks removes it, also after an error. */
  outputPath: string;
  signal: AbortSignal;
}

/** Throws `BadRequest` when the data cannot be converted in time, and `Unavailable` when nothing can be. */
export async function convert(asked: Conversion, settings: ConversionSettings, log: Logger): Promise<void> {
  await mkdir(join(asked.outputPath, '..'), { recursive: true, mode: 0o700 });
  const input = await open(asked.inputPath, 'r');
  try {
    const output = await open(asked.outputPath, 'wx+', 0o600);
    try {
      if (process.getuid?.() === 0) await output.chown(settings.uid, settings.uid);
      await run(asked, settings, [input.fd, output.fd], log);
      await output.sync();
    } finally {
      await output.close();
    }
  } finally {
    await input.close();
  }
}

async function run(asked: Conversion, settings: ConversionSettings, files: [number, number], log: Logger) {
  const { from, to } = asked;
  // Whatever a header may say that the inspector has missed, no second file is looked for.
  const source = { driver: drivers[from] ?? from, backing: null, file: { driver: 'file', filename: '/dev/fd/3' } };
  const command = ['qemu-img', 'convert', '-O', to, `json:${JSON.stringify(source)}`, '/dev/fd/4'];
  const child = spawn('bwrap', confined(command, asked, settings), {
    stdio: ['ignore', 'ignore', 'pipe', ...files],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    cwd: '/',
    detached: true, // a group of its own, so that what it has begun to make ends with it
  });
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL');
  };
  const limit = setTimeout(kill, settings.mostSeconds * 1000);
  asked.signal.addEventListener('abort', kill);
  if (asked.signal.aborted) kill();
  let said = '';
  const closed = once(child, 'close').catch(() => {});
  child.stdio[2]?.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-2000);
  });
  try {
    const [code] = await once(child, 'exit');
    await Promise.race([closed, delay(1000)]); // for its last words; whoever it left behind is not waited for
    if (code === 0) return;
    log.warn({ code, signal: child.signalCode, said, from: asked.from, to: asked.to }, 'an image was not converted');
    // Beyond 128 is the signal that ended it within, by which limits are kept.
    if (code === null || code > 128)
      throw new BadRequest('The image could not be converted within its limits of time and size.');
    // The programs that confine it say so when they cannot do that, or do not find it.
    if (!said.includes('qemu-img: ') || code > 125) throw new Unavailable('Images cannot be converted now.');
    throw new BadRequest(`The image could not be converted from ${asked.from} to ${asked.to}.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Unavailable('Images cannot be converted now.', { cause: error });
  } finally {
    clearTimeout(limit);
    asked.signal.removeEventListener('abort', kill);
    child.stdio[2]?.destroy();
  }
}

/**
 * Arguments of bwrap. Each program does its part and becomes the next; all of them end with our process. The root directory is
 * an empty one with the programs of this host and a /proc and a /dev of its own.
 */
export function confined(
  command: string[],
  { virtualSizeBytes }: Pick<Conversion, 'virtualSizeBytes'>,
  { uid, mostSeconds }: Pick<ConversionSettings, 'uid' | 'mostSeconds'>,
): string[] {
  const isRoot = process.getuid?.() === 0;
  const capabilities = isRoot ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'] : []; // to become nobody and give these up
  const nobody = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
  return [
    ...['--unshare-net', '--unshare-ipc', '--unshare-pid', '--unshare-uts', ...(isRoot ? [] : ['--unshare-user'])],
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...capabilities.flatMap((capability) => ['--cap-add', capability]),
    ...['--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
    ...['--symlink', 'usr/lib64', '/lib64', '--proc', '/proc', '--dev', '/dev', '--chdir', '/', '--'],
    ...(isRoot ? ['setpriv', ...nobody, '--ambient-caps=-all', '--no-new-privs', '--'] : []),
    ...['prlimit', `--cpu=${mostSeconds}`, `--as=${mostMemoryBytes}`, '--core=0', '--nofile=64'],
    ...[`--fsize=${virtualSizeBytes + Math.ceil(virtualSizeBytes / 8) + allowanceBytes}`, '--'],
    ...command,
  ];
}

/** Removes what conversions left of attempts that nobody knows any more. */
export async function sweepConversions(
  directory: string,
  aliveAmong: (ids: string[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const found = (await readdir(directory).catch(() => [])).filter(isUuid);
  const alive = await aliveAmong(found);
  for (const id of found) if (!alive.has(id)) await rm(join(directory, id), { force: true });
}
