import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { Conflict } from '../../common/errors.ts';
import { guestPorts } from '../../network/ports.ts';
import type { GuestDiagnostics } from '../drivers/driver.ts';
import { callHost } from '../hosts/calls.ts';
import type { ServerDeps } from './create.ts';
import type { Server } from './server.ts';
import { getServer } from './store.ts';

export interface ServerDiagnostics {
  server: Server;
  guest: GuestDiagnostics;
  /** Of its ports, by the names that its interfaces have on the host. */
  macAddresses: ReadonlyMap<string, string>;
  /** Since it was first started, as Nova counts it. */
  uptimeSeconds: number;
}

/** What the guest has used, told by its host now. Throws `Conflict` in Nova's words when it does not run. */
export async function diagnoseServer(
  { db }: Pick<ServerDeps, 'db'>,
  ctx: ProjectContext,
  id: string,
): Promise<ServerDiagnostics> {
  const server = await getServer(db, visibleTo(ctx), id);
  if (server.hostId === null || server.observedPower === null) throw new Conflict(`Instance ${server.id} is not ready`);
  const guest = (await callHost(db, server.hostId, 'diagnose', { id: server.id })) as GuestDiagnostics | null;
  if (guest === null)
    throw new Conflict(
      `Cannot 'get_diagnostics' instance ${server.id} while it is in power state ${server.observedPower}`,
    );
  const ports = (await guestPorts(db, [server.id])).get(server.id) ?? [];
  const age = await db('servers')
    .where({ id: server.id })
    .first(db.raw('floor(extract(epoch from now() - launched_at))::integer as seconds'));
  return {
    server,
    guest,
    macAddresses: new Map(ports.map((port) => [`tap${port.id.slice(0, 11)}`, port.macAddress])),
    uptimeSeconds: Number((age as { seconds: number | null } | undefined)?.seconds ?? 0),
  };
}
