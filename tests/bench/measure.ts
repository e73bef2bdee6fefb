/** Asks from another process, and says in words how it was answered. */
import { join } from 'node:path';
import { execute } from '../../host/execute.ts';
import type { Ask, LoadPlan, LoadResult } from './load.ts';

export interface Asked {
  asks: Ask[];
  connections: number;
  status?: number;
  atMostPerSecond?: number;
}

export interface Measured extends LoadResult {
  connections: number;
  /** Processor time that the API process took for each. */
  cpuMs: number;
}

export async function load(asked: Asked): Promise<LoadResult> {
  const plan: LoadPlan = { warmUpSeconds: 3, seconds: 10, mostRequests: 100_000, ...asked };
  const input = JSON.stringify(plan);
  return JSON.parse(await execute(process.execPath, [join(import.meta.dirname, 'load.ts')], { input })) as LoadResult;
}

/** @param clock is how much processor time the process under load has taken so far, in milliseconds. */
export async function measure(clock: () => number, asked: Asked): Promise<Measured> {
  const before = clock();
  const result = await load(asked);
  return { ...result, connections: asked.connections, cpuMs: (clock() - before) / result.requestsWithWarmUp };
}

export const times = ({ p50Ms, p99Ms }: LoadResult) => `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;

export function rate({ perSecond }: LoadResult): string {
  return `${perSecond.toFixed(perSecond < 100 ? 1 : 0)} requests/s`;
}

export function inWords(measured: Measured): string {
  const { cpuMs, bytes, connections } = measured;
  const each = `${cpuMs.toFixed(2)} ms of processor and ${(bytes / 1024).toFixed(1)} KiB each`;
  return `${rate(measured)}, ${times(measured)}, ${each}; ${connections} connection${connections === 1 ? '' : 's'}`;
}
