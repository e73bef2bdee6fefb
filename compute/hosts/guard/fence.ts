import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../../../common/errors.ts';

/** What ends the servers of a host whose agent has lost its lease, also when the agent itself is gone. */
export interface Fence {
  /** It stands ready, if need be from now on. Throws `Unavailable` when it does not. */
  hold(): Promise<void>;
  /** Nothing is ended before then, in seconds of uptime. */
  extend(endsAt: number): Promise<void>;
  /** Nothing is ended any more. */
  release(): Promise<void>;
}

export interface GuardOptions {
  /** Of a UNIX socket that only root reaches. */
  socket: string;
  /** Where libvirt keeps the ids of QEMU's processes. */
  runDirectory: string;
  logFile: string;
  /** For how long it waits before it was ever told anything. */
  firstSeconds: number;
}

const answerMs = 2000;
const startMs = 10_000;

/** A program of its own on this host (`guard.ts`), which the next agent finds again. */
export function guardFence({ socket, runDirectory, logFile, firstSeconds }: GuardOptions): Fence {
  const start = async () => {
    await mkdir(dirname(logFile), { recursive: true });
    await mkdir(dirname(socket), { recursive: true });
    const log = await open(logFile, 'a', 0o640);
    try {
      const program = join(import.meta.dirname, 'guard.ts');
      const child = spawn(process.execPath, [program, socket, runDirectory, String(firstSeconds)], {
        detached: true, // it outlives us
        stdio: ['ignore', log.fd, log.fd],
        cwd: '/',
        env: {},
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
    } finally {
      await log.close();
    }
  };
  return {
    async hold() {
      if (
        await tell(socket, 'hold').then(
          () => true,
          () => false,
        )
      )
        return;
      await start();
      for (const deadline = performance.now() + startMs; ; await sleep(50))
        try {
          return await tell(socket, 'hold');
        } catch (error) {
          if (performance.now() > deadline) throw error;
        }
    },
    extend: (endsAt) => tell(socket, `until ${endsAt}`),
    release: () => tell(socket, 'release'),
  };
}

function tell(path: string, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause?: Error) => {
      socket.destroy();
      reject(new Unavailable('The guard of this host does not answer.', { cause }));
    };
    const socket = connect(path, () => socket.write(`${line}\n`));
    socket.setTimeout(answerMs, failed);
    socket.once('error', failed);
    socket.setEncoding('latin1').once('data', (answer) => {
      socket.destroy();
      if (String(answer) === 'ok\n') resolve();
      else failed();
    });
    socket.once('end', failed);
  });
}
