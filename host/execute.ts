import { execFile } from 'node:child_process';

export interface Output {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface ExecuteOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  timeoutSeconds?: number;
  input?: string;
}

/** Runs a program to its end and reports how it ended. @throws only when it cannot be run at all or takes too long. */
export function attempt(command: string, args: string[], options: ExecuteOptions = {}): Promise<Output> {
  return new Promise((resolve, reject) => {
    const { timeoutSeconds = 60, input, ...rest } = options;
    const child = execFile(
      command,
      args,
      { ...rest, timeout: timeoutSeconds * 1000, maxBuffer: 32 * 1024 * 1024, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr, exitCode: 0 });
        else if (error.killed) {
          reject(new Error(`${command} ${args.join(' ')}: no end after ${timeoutSeconds} s`, { cause: error }));
        } else if (typeof error.code === 'number') resolve({ stdout, stderr, exitCode: error.code });
        else reject(error);
      },
    );
    child.stdin?.on('error', () => {}); // a program that does not read its input closes it; its exit code says the rest
    child.stdin?.end(input ?? '');
  });
}

/** Runs a program that has to succeed. @throws Error with what it printed. */
export async function execute(command: string, args: string[], options: ExecuteOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await attempt(command, args, options);
  if (exitCode === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} ended with ${exitCode}: ${(stderr || stdout).trim()}`);
}

/** Whether a program ran and succeeded; false also when it is not installed. */
export async function succeeds(command: string, args: string[], options: ExecuteOptions = {}): Promise<boolean> {
  return attempt(command, args, options).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}
