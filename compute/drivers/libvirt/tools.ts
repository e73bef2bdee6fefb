/** Runs the few programs this driver needs: argument arrays only, with limits of time, memory and processor. */
import { execFile } from 'node:child_process';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { DiskFull } from '../driver.ts';

const memoryLimit = 1024 ** 3;
const cpuSeconds = 30;

/**
 * `doing` completes «The host could not …». @throws DiskFull, PermanentFailure when the program is
 * missing, Unavailable otherwise; what the program printed is in the cause.
 */
export function runTool(
  doing: string,
  command: string,
  args: string[],
  seconds = 30,
  signal?: AbortSignal,
): Promise<string> {
  // Each becomes the next (none forks), so the time limit's kill reaches the program. It dies with us: one that went on
  // would write into the directory of a guest that our successor works on.
  const limits = ['prlimit', `--as=${memoryLimit}`, `--cpu=${Math.max(cpuSeconds, seconds)}`, '--'];
  const bounded = ['--pdeathsig=KILL', '--', ...limits, command, ...args];
  return new Promise((resolve, reject) => {
    execFile(
      'setpriv',
      bounded,
      { timeout: seconds * 1000, killSignal: 'SIGKILL', signal },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const cause = new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`);
        if (/No space left on device|Disk quota exceeded/.test(stderr)) {
          return reject(new DiskFull(`The host could not ${doing}: its disk is full.`, { cause }));
        }
        if (/failed to execute|No such file or directory/.test(stderr) && stderr.startsWith('prlimit:')) {
          return reject(new PermanentFailure(`The host could not ${doing}: ${command} is not installed.`, { cause }));
        }
        reject(new Unavailable(`The host could not ${doing}.`, { cause }));
      },
    );
  });
}
