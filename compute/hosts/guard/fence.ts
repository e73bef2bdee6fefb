import { spawn } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../../../common/errors.ts';

/** What ends the servers of a host whose agent has lost its lease, also when the agent itself is gone. */
export interface Fence {
  /**
   * It stands ready, if need be from now on. Gives before when it ends nothing, in seconds of uptime; 0 where it does not say.
   * Throws `Unavailable` when it does not.
   */
  hold(): Promise<number>;
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
      const before = await tell(socket, 'hold').catch(() => undefined);
      if (before !== undefined) return before;
      await start();
      for (const deadline = performance.now() + startMs; ; await sleep(50))
        try {
          return await tell(socket, 'hold');
        } catch (error) {
          if (performance.now() > deadline) throw error;
        }
    },
    async extend(endsAt) {
      await tell(socket, `until ${endsAt}`);
    },
    async release() {
      await sendHome(socket);
    },
  };
}

/** Whether there is a guard at that socket, and answers, or does not; it is told nothing. */
export async function findGuard(socket: string): Promise<'ready' | 'silent' | undefined> {
  return tell(socket, 'hold').then(() => 'ready' as const, silentOne);
}

/**
 * Ends the guard of that socket, and tells whether there was one. One that does not answer ends before it would end anything: as
 * its socket is gone, its place is another's.
 */
export async function sendHome(socket: string): Promise<boolean> {
  return tell(socket, 'release').then(
    () => true,
    async (error) => {
      if (codeOf(error) !== 'ENOENT') await rm(socket, { force: true });
      return silentOne(error) !== undefined;
    },
  );
}

/** Of why it cannot be told anything: undefined where nobody listens. */
function silentOne(error: unknown): 'silent' | undefined {
  const code = codeOf(error);
  return code === undefined || code === 'EAGAIN' ? 'silent' : undefined;
}

function codeOf(error: unknown): string | undefined {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
}

/** Gives when its time ends, in seconds of uptime; 0 of a guard that does not say, which is one of an earlier version. */
function tell(path: string, line: string): Promise<number> {
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
      const match = String(answer).match(/^ok(?: (\d+(?:\.\d+)?))?\n$/);
      if (match === null) failed();
      else resolve(Number(match[1] ?? 0));
    });
    socket.once('end', failed);
  });
}
