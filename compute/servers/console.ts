import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { Conflict } from '../../common/errors.ts';
import { callHost } from '../hosts/calls.ts';
import type { ServerDeps } from './create.ts';
import { getServer } from './store.ts';

/** The tail of what the guest wrote to its serial console. Throws `NotFound` while there is no guest. */
export async function consoleOutput(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  lines: number | undefined,
): Promise<string> {
  const server = await getServer(db, visibleTo(ctx), id);
  if (server.hostId === null || server.observedPower === null) throw new Conflict(`Instance ${server.id} is not ready`);
  return (await callHost(db, server.hostId, 'consoleOutput', { id: server.id, lines: lines ?? null })) as string;
}
