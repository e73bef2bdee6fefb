/** The words and addresses of consoles. Pure. */
import type { ConsoleKind } from '../drivers/driver.ts';

/** As Nova's API names what a console is shown with. */
export type ConsoleType = 'novnc' | 'serial';

export const kindOf: Readonly<Record<ConsoleType, ConsoleKind>> = { novnc: 'screen', serial: 'serial' };

/** Below the public URL: where WebSockets are taken, and where the pages for browsers are. */
export const consolePrefix = '/console';

/**
 * What a client is given. `novnc`: a page for a browser, whose `path` is what noVNC, and whoever imitates it, opens as a
 * WebSocket on the same host. `serial`: the WebSocket itself.
 */
export function consoleUrl(publicUrl: string, type: ConsoleType, token: string): string {
  const { pathname } = new URL(publicUrl);
  const socket = `${pathname.replace(/\/$/, '')}${consolePrefix}?token=${token}`;
  if (type === 'novnc') return `${publicUrl}${consolePrefix}/vnc.html?path=${encodeURIComponent(socket.slice(1))}`;
  return `${publicUrl.replace(/^http/, 'ws')}${consolePrefix}?token=${token}`;
}
