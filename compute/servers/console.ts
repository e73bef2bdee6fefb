import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import { withoutControls } from '../../common/terminal-text.ts';
import { type ConsoleType, consoleUrl } from '../consoles/console.ts';
import { type ConsoleSettings, issueConsoleToken } from '../consoles/tokens.ts';
import { callHost } from '../hosts/calls.ts';
import type { ServerDeps } from './create.ts';
import { getServer } from './store.ts';

/**
 * The tail of what the guest wrote to its serial console; of so many lines the last does not end, so that whoever splits them finds
 * as many. Throws `Conflict` while there is no guest.
 */
export async function consoleOutput(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  lines: number | undefined,
): Promise<string> {
  const server = await getServer(db, visibleTo(ctx), id);
  if (server.hostId === null || server.observedPower === null) throw new Conflict(`Instance ${server.id} is not ready`);
  const output = await callHost(db, server.hostId, 'consoleOutput', { id: server.id, lines: lines ?? null });
  const text = withoutControls(output as string); // Nova leaves of a sequence what can be read (nova/api/openstack/compute/console_output.py)
  return lines === undefined ? text : text.replace(/\n$/, '');
}

export interface ConsoleDeps extends Pick<ServerDeps, 'db'> {
  publicUrl: string;
  consoles: ConsoleSettings;
}

/** What Nova's other ways to show consoles are called; none of them is here. */
const protocols: Readonly<Record<string, { here?: ConsoleType; elsewhere: readonly string[] }>> = {
  vnc: { here: 'novnc', elsewhere: [] },
  serial: { here: 'serial', elsewhere: [] },
  spice: { elsewhere: ['spice-html5'] },
  rdp: { elsewhere: ['rdp-html5'] },
  mks: { elsewhere: ['webmks'] },
};

/**
 * An address at which the server's console can be opened once, soon. Throws `BadRequest` for a kind that is not here, in the
 * words of nova/exception.py, and `Conflict` while the server does not run.
 */
export async function openableConsole(
  { db, publicUrl, consoles }: ConsoleDeps,
  ctx: ProjectContext,
  id: string,
  { protocol, type }: { protocol: string; type: string },
): Promise<string> {
  const server = await getServer(db, visibleTo(ctx), id);
  const { here, elsewhere = [] } = protocols[protocol] ?? {};
  if (elsewhere.includes(type)) throw new BadRequest(`Unavailable console type ${type}.`);
  if (here === undefined || here !== type) throw new BadRequest(`Invalid console type ${type}`);
  if (server.hostId === null || !['running', 'paused'].includes(server.observedPower ?? ''))
    throw new Conflict(`Instance ${server.id} is not ready`);
  return consoleUrl(publicUrl, here, await issueConsoleToken(db, ctx, server, here, consoles));
}
