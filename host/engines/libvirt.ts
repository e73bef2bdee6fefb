/** libvirtd, and virtlogd that keeps the consoles' logs. */
import { mkdir } from 'node:fs/promises';
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
