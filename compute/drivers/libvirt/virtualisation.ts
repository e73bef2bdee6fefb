/**
 * Whether guests can run under KVM. `/dev/kvm` and what libvirt advertises prove nothing: a nested KVM can accept a guest
 * and emulate it instruction by instruction, so that firmware starts and a kernel never does. So one is really run: a
 * boot sector that enters 64-bit mode with paging and counts to 67 million there. A working KVM takes about 0.2 s for all
 * of it (firmware included), emulation inside KVM would take minutes.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { arch, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Virtualisation {
  virtualisation: 'kvm' | 'tcg';
  /** Why, for the operator. */
  reason: string;
}

export interface DetectionOptions {
  /** Where the answer is kept until the next boot; absent: not kept. */
  cacheFile?: string;
  emulator?: string;
  /** The user that libvirt runs guests as; ourselves when there is no such user or we are not root. */
  user?: string;
  timeLimitMs?: number;
}

const device = '/dev/kvm';
/** isa-debug-exit makes QEMU end with (value << 1) | 1; the boot sector writes 0x10. */
const provenExitCode = 0x21;

/** Decides once per boot; later calls take milliseconds. Never throws for a host without KVM: the reason says why. */
export async function detectVirtualisation(options: DetectionOptions = {}): Promise<Virtualisation> {
  const emulator = options.emulator ?? '/usr/bin/qemu-system-x86_64';
  if (arch() !== 'x64') return { virtualisation: 'tcg', reason: `KVM is only used on x86-64, this is ${arch()}` };
  const circumstances = await describeCircumstances(emulator);
  const kept = await readKept(options.cacheFile, circumstances);
  if (kept !== undefined) return kept;
  const answer = await decide(emulator, options);
  if (options.cacheFile !== undefined) await keep(options.cacheFile, circumstances, answer);
  return answer;
}

async function decide(emulator: string, options: DetectionOptions): Promise<Virtualisation> {
  try {
    await (await open(device, 'r+')).close();
  } catch (error) {
    return { virtualisation: 'tcg', reason: `${device} cannot be opened (${(error as NodeJS.ErrnoException).code})` };
  }
  const limitMs = options.timeLimitMs ?? 3000;
  const { exitCode, killed, stderr } = await runProbe(emulator, options.user ?? 'libvirt-qemu', 'kvm', limitMs);
  if (exitCode === provenExitCode) return { virtualisation: 'kvm', reason: 'a guest ran under KVM' };
  if (killed) {
    return { virtualisation: 'tcg', reason: `a guest under KVM made no progress within ${limitMs / 1000} s` };
  }
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return { virtualisation: 'tcg', reason: `a guest under KVM did not run: ${said.slice(0, 200)}` };
}

/** Runs the boot sector; exported so that a test can prove it under TCG, where it must always succeed. */
export async function runProbe(
  emulator: string,
  user: string,
  accelerator: 'kvm' | 'tcg',
  timeLimitMs: number,
): Promise<{ exitCode: number | null; killed: boolean; stderr: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-kvm-'));
  try {
    const disk = join(directory, 'boot.raw');
    await writeFile(disk, bootSector());
    await chmod(disk, 0o644);
    await chmod(directory, 0o755);
    const qemu = [
      emulator,
      ...['-accel', accelerator, '-machine', 'pc', '-m', '32', '-no-user-config', '-nodefaults', '-no-reboot'],
      ...['-display', 'none', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
      ...['-drive', `if=none,id=boot,file=${disk},format=raw,readonly=on`, '-device', 'virtio-blk-pci,drive=boot'],
    ];
    // As that user and with its groups: guests run so, and it may not be allowed to use /dev/kvm.
    const asUser = (await canBecome(user)) ? [`--reuid=${user}`, `--regid=${user}`, '--init-groups'] : [];
    // A guest that makes no progress would spin for ever if it outlived us.
    const args = ['--pdeathsig=KILL', ...asUser, '--', ...qemu];
    return await new Promise((resolve) => {
      execFile('setpriv', args, { timeout: timeLimitMs, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ exitCode, killed: error?.killed === true, stderr: stderr || (error?.message ?? '') });
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * 16-bit: clear 0x1000–0x3fff, fill a page-table path that maps the first 2 MiB (PML4, PDPT, a 2 MiB page), load a GDT of
 * one 64-bit code segment, then CR4.PAE, CR3, EFER.LME, CR0.PG|PE, far jump. 64-bit: count ECX down from 0x4000000, write
 * 0x10 to port 0xf4, halt.
 */
function bootSector(): Buffer {
  const code =
    'fa31c08ed88ec08ed0bc007cfcbf0010b90018f3abc70600100320c70600200330c706003083' + // registers, stack, page tables
    '00660f0116807c0f20e083c8200f22e066b8001000000f22d866b9800000c00f320d00010f30' + // lgdt, PAE, CR3, long mode enable
    '0f20c0660d010000800f22c0ea5d7c0800' + // paging and protection on, into the 64-bit segment
    'b900000004ffc975fc66baf400b010eef4ebfd' + // count, report, halt
    '000000000000000000000000009a20000f00707c'; // the GDT and its descriptor, at 0x7c70 and 0x7c80
  const disk = Buffer.alloc(1024 * 1024);
  Buffer.from(code, 'hex').copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

async function canBecome(user: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const users = await readFile('/etc/passwd', 'utf8');
  return users.split('\n').some((line) => line.startsWith(`${user}:`));
}

/** Whatever could change the answer: another boot, kernel or QEMU, or other rights on the device. */
async function describeCircumstances(emulator: string): Promise<string> {
  const parts = [(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(), release(), emulator];
  for (const path of [emulator, device]) {
    const { mode, uid, gid, mtimeMs } = await stat(path).catch(() => ({ mode: 0, uid: 0, gid: 0, mtimeMs: 0 }));
    parts.push(`${mode}:${uid}:${gid}`, path === device ? '' : String(mtimeMs));
  }
  return parts.join(' ');
}

async function readKept(file: string | undefined, circumstances: string): Promise<Virtualisation | undefined> {
  if (file === undefined) return undefined;
  try {
    const kept = JSON.parse(await readFile(file, 'utf8'));
    if (kept.circumstances !== circumstances || !['kvm', 'tcg'].includes(kept.virtualisation)) return undefined;
    return { virtualisation: kept.virtualisation, reason: String(kept.reason) };
  } catch {
    return undefined; // absent, or half written by an older version: find out again
  }
}

async function keep(file: string, circumstances: string, answer: Virtualisation): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify({ circumstances, ...answer }));
  await rename(`${file}.new`, file);
}
