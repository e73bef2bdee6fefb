/** The serial console's log. virtlogd writes it and rolls it over: `console.log.0` is what came before `console.log`. */
import { open } from 'node:fs/promises';

const longestBytes = 1024 * 1024;

/** At most `lines` last lines, and at most 1 MiB; all that is kept when undefined. Empty when there is no log. */
export async function readConsole(path: string, lines?: number): Promise<string> {
  if (lines !== undefined && lines <= 0) return '';
  let text = '';
  for (const part of [path, `${path}.0`, `${path}.1`, `${path}.2`]) {
    const earlier = await readTail(part, longestBytes - Buffer.byteLength(text));
    if (earlier === undefined) break;
    text = earlier + text;
    if (Buffer.byteLength(text) >= longestBytes) break;
    if (lines !== undefined && countLines(text) > lines) break;
  }
  return lines === undefined ? text : lastLines(text, lines);
}

async function readTail(path: string, bytes: number): Promise<string | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const length = Math.max(0, Math.min(size, bytes));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function lastLines(text: string, lines: number): string {
  const all = text.split('\n');
  const complete = text.endsWith('\n') ? 1 : 0;
  return all.slice(Math.max(0, all.length - complete - lines)).join('\n');
}
