import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const pidFile = /^cs-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.pid$/;

/** Cuts the power of every server of ours that runs, by its process; gives their ids. Guests of others are not touched. */
export function endServers(runDirectory: string): string[] {
  const ended: string[] = [];
  for (const name of namesIn(runDirectory)) {
    const id = name.match(pidFile)?.[1];
    if (id === undefined) continue;
    const pid = Number.parseInt(contentOf(join(runDirectory, name)), 10);
    // The number may be another process's by now.
    if (!(pid > 1) || !contentOf(`/proc/${pid}/cmdline`).includes(`guest=cs-${id}`)) continue;
    try {
      process.kill(pid, 'SIGKILL');
      ended.push(id);
    } catch {
      // it has just ended
    }
  }
  return ended;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // libvirt has never run here
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
