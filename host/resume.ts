/**
 * A guest that shuts down cleanly stays down: that was its own will. Before `bin/down` stops guests it says in the database
 * that they are to run on, and then the next start of the cloud brings exactly those back.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { openDatabase } from '../common/database/database.ts';
import { unsettle as unsettleContainer } from '../compute/containers/observations.ts';
import { findContainerOnHost } from '../compute/containers/store.ts';
import { unsettle as unsettleServer } from '../compute/servers/observations.ts';
import { findServerOnHost } from '../compute/servers/store.ts';
import { configPath } from './api-process.ts';
import type { HostContext } from './engines/engine.ts';
import { databaseUrl } from './engines/postgres.ts';
import { idOf, listContainers, listServers } from './guests.ts';

/** Call it between stopping Cirrostack and stopping the guests. Engines that do not answer have nothing running. */
export async function resumeLater(context: HostContext): Promise<void> {
  const config = JSON.parse(await readFile(configPath(context), 'utf8').catch(() => '{}')) as { hostName?: string };
  const hostName = config.hostName || hostname();
  const db = openDatabase(context.databaseUrl ?? databaseUrl(context.dataDir), { max: 1 });
  try {
    for (const name of await listServers({ all: false }).catch(() => [])) {
      const server = await findServerOnHost(db, hostName, idOf(name));
      if (server !== undefined) await unsettleServer(db, server, 'shutdown');
    }
    for (const name of await listContainers({ all: false }).catch(() => [])) {
      const container = await findContainerOnHost(db, hostName, idOf(name));
      if (container !== undefined) await unsettleContainer(db, container, undefined);
    }
  } finally {
    await db.destroy();
  }
}
