import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { containerName, idLabel } from './names.ts';

const firstDelayMs = 100;
const longestDelayMs = 5_000;

/** Leaves out what says nothing about power: every exec, attach and resize is an event too. */
const watched = ['create', 'start', 'die', 'oom', 'pause', 'unpause', 'destroy'];

/**
 * Calls back with the id of each container of ours that changed, and connects again, later each time, when the engine goes
 * away. What happened meanwhile is missed. @returns what ends it.
 */
export function followEvents(docker: Docker, listener: (id: string) => void): () => void {
  const end = new AbortController();
  let delayMs = firstDelayMs;
  let timer: NodeJS.Timeout | undefined;
  const again = () => {
    if (end.signal.aborted) return;
    timer = setTimeout(follow, delayMs);
    delayMs = Math.min(delayMs * 2, longestDelayMs);
  };
  const follow = async () => {
    try {
      const stream = (await docker.getEvents({
        filters: { type: ['container'], label: [idLabel], event: watched },
        abortSignal: end.signal,
      })) as Readable;
      delayMs = firstDelayMs;
      for await (const line of linesOf(stream)) {
        const id = idOf(line);
        if (id !== undefined && !end.signal.aborted) listener(id);
      }
    } catch {
      // The engine is away or restarts: that is what the next try is for, and `check` says it to whoever asks.
    }
    again();
  };
  void follow();
  return () => {
    clearTimeout(timer);
    end.abort();
  };
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function idOf(line: string): string | undefined {
  try {
    const { Actor } = JSON.parse(line) as { Actor?: { Attributes?: Record<string, string> } };
    const id = Actor?.Attributes?.[idLabel];
    return id !== undefined && Actor?.Attributes?.name === containerName(id) ? id : undefined;
  } catch {
    return undefined; // an empty line, or half of one at the end of a connection
  }
}
