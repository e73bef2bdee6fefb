/** How fast one API process answers, with hosts that exist in memory only, and a PostgreSQL of its own. */
import { join } from 'node:path';
import { execute } from '../../host/execute.ts';
import type { Figure } from './figures.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import { serversInCloud, startSimulatedCloud } from './simulated-cloud.ts';

/** A list of all servers in detail, one server, and one token; each asked for some seconds from another process. */
export async function measureApi(): Promise<Figure[]> {
  const cloud = await startSimulatedCloud();
  try {
    const { url, token, serverId } = cloud;
    const own = { 'x-auth-token': token };
    const measure = async (path: string, headers: Record<string, string>, connections: number) => {
      const before = cloud.cpuMs();
      const plan = { url: `${url}${path}`, headers, connections, warmUpSeconds: 3, seconds: 10, mostRequests: 100_000 };
      const result = await load(plan);
      return inWords(result, connections, (cloud.cpuMs() - before) / result.requestsWithWarmUp);
    };
    const figures: Figure[] = [];
    for (const [what, path, headers, connections] of [
      [`GET /servers/detail?limit=500 (${serversInCloud} servers)`, list, own, 8],
      ['GET /servers/detail?limit=500, alone', list, own, 1],
      ['GET /servers/{id}', `/compute/v2.1/servers/${serverId}`, own, 8],
      ['GET /auth/tokens (validation)', '/identity/v3/auth/tokens', { ...own, 'x-subject-token': token }, 8],
    ] as const)
      figures.push({ what, value: await measure(path, headers, connections) });
    return figures;
  } finally {
    await cloud.stop();
  }
}

const list = '/compute/v2.1/servers/detail?limit=500&all_tenants=1';

async function load(plan: LoadPlan): Promise<LoadResult> {
  const output = await execute(process.execPath, [join(import.meta.dirname, 'load.ts'), JSON.stringify(plan)]);
  return JSON.parse(output) as LoadResult;
}

function inWords({ perSecond, p50Ms, p99Ms, bytes }: LoadResult, connections: number, cpuMs: number): string {
  const times = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  const rate = `${perSecond.toFixed(perSecond < 100 ? 1 : 0)} requests/s`;
  const each = `${cpuMs.toFixed(2)} ms of processor and ${(bytes / 1024).toFixed(1)} KiB each`;
  return `${rate}, ${times}, ${each}; ${connections} connection${connections === 1 ? '' : 's'}`;
}
