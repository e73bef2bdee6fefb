/** How fast one API process answers for servers, with hosts that exist in memory only, and a PostgreSQL of its own. */
import type { Figure } from './figures.ts';
import { inWords, measure } from './measure.ts';
import { fillWithServers, serversInCloud } from './servers.ts';
import { startSimulatedCloud } from './simulated-cloud.ts';

const list = '/compute/v2.1/servers/detail?limit=500&all_tenants=1';

/** A page of all servers in detail, one server, and one token; each asked for some seconds from another process. */
export async function measureServerLists(): Promise<Figure[]> {
  const cloud = await startSimulatedCloud(fillWithServers);
  try {
    const { url, token, filled } = cloud;
    const own = { 'x-auth-token': token };
    const figures: Figure[] = [];
    for (const [what, path, headers, connections, target] of [
      [`GET /servers/detail, 500 of ${serversInCloud} servers`, list, own, 8, 'at least 60/s, p99 under 200 ms'],
      ['the same, alone', list, own, 1, undefined],
      ['GET /servers/{id}', `/compute/v2.1/servers/${filled.serverId}`, own, 8, 'at least 1,500/s'],
      ['GET /auth/tokens (validation)', '/identity/v3/auth/tokens', { ...own, 'x-subject-token': token }, 8, undefined],
    ] as const) {
      const measured = await measure(cloud.cpuMs, { asks: [{ url: `${url}${path}`, headers }], connections });
      figures.push({ what, value: inWords(measured), ...(target !== undefined && { target }) });
    }
    return figures;
  } finally {
    await cloud.stop();
  }
}
