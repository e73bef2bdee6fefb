/** How fast one API process answers, with hosts that exist in memory only, and a PostgreSQL of its own. */
import type { Figure } from './figures.ts';
import { inWords, measure } from './measure.ts';
import { fillWithServers, serversInCloud } from './servers.ts';
import { startSimulatedCloud } from './simulated-cloud.ts';

/** A list of all servers in detail, one server, and one token; each asked for some seconds from another process. */
export async function measureApi(): Promise<Figure[]> {
  const cloud = await startSimulatedCloud(fillWithServers);
  try {
    const { url, token, filled: serverId } = cloud;
    const own = { 'x-auth-token': token };
    const figures: Figure[] = [];
    for (const [what, path, headers, connections] of [
      [`GET /servers/detail?limit=500 (${serversInCloud} servers)`, list, own, 8],
      ['GET /servers/detail?limit=500, alone', list, own, 1],
      ['GET /servers/{id}', `/compute/v2.1/servers/${serverId}`, own, 8],
      ['GET /auth/tokens (validation)', '/identity/v3/auth/tokens', { ...own, 'x-subject-token': token }, 8],
    ] as const) {
      const measured = await measure(cloud.cpuMs, { asks: [{ url: `${url}${path}`, headers }], connections });
      figures.push({ what, value: inWords(measured) });
    }
    return figures;
  } finally {
    await cloud.stop();
  }
}

const list = '/compute/v2.1/servers/detail?limit=500&all_tenants=1';
