/** libvirtd, and virtlogd that keeps the consoles' logs. */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { attempt, succeeds } from '../execute.ts';
import { becomes, spawnDaemon, stopRecorded, writeRecord } from '../processes.ts';
import {
  type Engine,
  fail,
  type HostContext,
  hasSystemd,
  logPath,
  ok,
  runPath,
  startUnits,
  stopUnits,
  underTini,
} from './engine.ts';

const uri = 'qemu:///system';
const units = ['virtlogd.socket', 'virtlogd', 'libvirtd'];

export const libvirt: Engine = {
  name: 'libvirt',

  answers: libvirtAnswers,

  async check(context) {
    const { stdout, stderr, exitCode } = await attempt('virsh', ['--connect', uri, 'version'], {
      timeoutSeconds: 20,
    }).catch((error: Error) => ({ stdout: '', stderr: error.message, exitCode: 1 }));
    if (exitCode !== 0) {
      const advice = `Run bin/up; ${hasSystemd() ? 'journalctl -u libvirtd' : logPath(context, 'libvirtd.log')} says why it ended.`;
      return [fail('libvirt', `does not answer: ${stderr.trim().split('\n').at(-1)}`, advice)];
    }
    const versions = [...stdout.matchAll(/^(?:Using library|Running hypervisor): (.*)$/gm)].map(
      ([, version]) => version,
    );
    return [ok('libvirt', versions.join(', '))];
  },

  async start(context) {
    await shareKvm();
    if (await libvirtAnswers()) return 'already running';
    if (hasSystemd()) {
      await startUnits(context, units);
    } else {
      await startBy(context, 'virtlogd', '/run/libvirt/virtlogd-sock', 'virtlogd', []);
      // libvirt waits for its probes to disappear; where PID 1 reaps no orphans they never do, unless tini does it.
      await startBy(context, 'libvirtd', '/run/libvirt/libvirt-sock', 'tini', underTini('libvirtd'));
    }
    if (!(await becomes(libvirtAnswers, 60, 100))) {
      throw new Error(`libvirtd does not answer; ${logPath(context, 'libvirtd.log')} says why`);
    }
    return 'started';
  },

  async stop(context) {
    if (hasSystemd()) return stopUnits(context, units.toReversed());
    await stopRecorded(runPath(context, 'libvirtd.json'));
    await stopRecorded(runPath(context, 'virtlogd.json'));
  },
};

function libvirtAnswers(): Promise<boolean> {
  return succeeds('virsh', ['--connect', uri, 'connect'], { timeoutSeconds: 20 });
}

/**
 * What udev does where it runs. Without it only root may open the device; libvirt then probes QEMU as root, sees that
 * guests could not use KVM, takes its probe for outdated, and probes anew at every call: 0.6 s each.
 */
async function shareKvm(): Promise<void> {
  const device = await stat('/dev/kvm').catch(() => undefined);
  if (device === undefined || (device.gid !== 0 && (device.mode & 0o060) === 0o060)) return;
  if (await succeeds('chgrp', ['kvm', '/dev/kvm'])) await chmod('/dev/kvm', 0o660);
}

async function startBy(
  context: HostContext,
  name: string,
  socket: string,
  command: string,
  args: string[],
): Promise<void> {
  if (await listens(socket)) return;
  await mkdir('/run/libvirt', { recursive: true });
  await writeRecord(
    runPath(context, `${name}.json`),
    await spawnDaemon({ command, args, logFile: logPath(context, `${name}.log`) }),
  );
  await becomes(() => listens(socket), 30);
}

/** Whether a daemon is behind a UNIX socket; the file alone stays when one is killed. */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
