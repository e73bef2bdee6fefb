import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { Conflict, NotFound } from '../../../common/errors.ts';
import { renamed, statusOf } from './errors.ts';
import { containerName } from './names.ts';
import { OutputCollector } from './output.ts';

/** Bytes of output that are kept; the command runs on. */
const maximumOutput = 1024 * 1024;

/**
 * Runs a command inside a running container and waits for its end.
 * @throws NotFound for no container; Conflict when it is not running, and when the command takes longer than
 *   `limitSeconds`: it is killed then.
 */
export async function executeIn(
  docker: Docker,
  id: string,
  command: string[],
  limitSeconds: number,
): Promise<{ output: string; exitCode: number }> {
  if (command.length === 0 || command.some((word) => word.includes('\0'))) {
    throw new Conflict('There is no command to run.');
  }
  try {
    const exec = await docker
      .getContainer(containerName(id))
      .exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: false });
    const stream = (await exec.start({ Tty: false })) as unknown as Readable;
    const collector = new OutputCollector(maximumOutput);
    stream.on('data', (chunk: Buffer) => collector.write(chunk));
    if (!(await endsWithin(stream, limitSeconds))) {
      await kill(exec);
      stream.destroy();
      throw new Conflict(`The command did not end within ${limitSeconds} s and was killed.`);
    }
    return { output: collector.text(), exitCode: await exitCodeOf(exec) };
  } catch (error) {
    if (statusOf(error) === 409) throw new Conflict(`Container ${id} is not running.`, { cause: error });
    if (statusOf(error) === 404) throw new NotFound('Container', id, { cause: error });
    throw renamed(error, 'Container', id);
  }
}

function endsWithin(stream: Readable, seconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => resolve(false)), seconds * 1000);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      outcome();
    };
    stream.once('end', () => settle(() => resolve(true)));
    stream.once('close', () => settle(() => resolve(true)));
    stream.once('error', (error) => settle(() => reject(error)));
  });
}

/** The output ends a moment before the engine has noted the exit code. */
async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await delay(10);
  }
  return -1; // it closed its output and runs on
}

/** The engine has no call for it. Killed is only a process that really is of this container: its id may have a new owner. */
async function kill(exec: Docker.Exec): Promise<void> {
  const { Running, Pid, ContainerID } = await exec.inspect();
  if (!Running || Pid <= 0) return;
  const groups = await readFile(`/proc/${Pid}/cgroup`, 'utf8').catch(() => '');
  if (!groups.includes(ContainerID)) return;
  try {
    process.kill(Pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
