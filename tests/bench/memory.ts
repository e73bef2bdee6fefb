/** What our own process, PostgreSQL and the registry server take while nothing happens. Other engines and guests are not counted. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runningApiProcess } from '../../host/api-process.ts';
import { type HostContext, recordedProcess, runPath } from '../../host/engines/engine.ts';
import type { Figure } from './figures.ts';

/** Nothing is asked for so long before it counts. */
const idleSeconds = 60;

export async function measureMemory(context: HostContext): Promise<Figure[]> {
  await delay(idleSeconds * 1000);
  const ours = await runningApiProcess(context);
  const postgres = await recordedProcess(runPath(context, 'postgresql.json'));
  const registry = await recordedProcess(runPath(context, 'registry.json'));
  if (ours === undefined || postgres === undefined || registry === undefined)
    throw new Error('Cirrostack, its PostgreSQL or its registry server does not run');
  const sizes = await Promise.all([ours, postgres, registry].map(({ pid }) => pssOfTree(pid)));
  const [cirrostack, database, images] = sizes.map((size) => size.toFixed(0));
  const total = sizes.reduce((sum, size) => sum + size, 0).toFixed(0);
  const value = `${total} MB: Cirrostack ${cirrostack}, PostgreSQL ${database}, registry server ${images}`;
  return [{ what: `Memory (PSS) after ${idleSeconds} s of idling`, value, target: 'under 300 MB' }];
}

/** Proportional set size in MB of a process and all below it: shared pages count once, divided among who shares them. */
async function pssOfTree(root: number): Promise<number> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => ''); // ended since
    parents.set(Number(name), Number(status.match(/^PPid:\s+(\d+)/m)?.[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  const sizes = await Promise.all(tree.map(pssOf));
  return (sizes.reduce((sum, kib) => sum + kib, 0) * 1024) / 1e6;
}

async function pssOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(rollup.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? 0);
}
