import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';

/** How long a client may take to say good-bye. */
const farewellMs = 2000;

/** Normal end, and end by us (RFC 6455, 7.4.1). */
export const closeCode = { normal: 1000, refused: 1008 } as const;

/**
 * Passes bytes between a WebSocket and a guest until either ends, and ends the other. Who does not take what comes is not
 * sent more: what waits for one is a few hundred KiB at most, and the rest stays where it is made.
 */
export async function splice(client: WebSocket, guest: Duplex): Promise<void> {
  const { createWebSocketStream } = await import('ws');
  const wire = createWebSocketStream(client, { highWaterMark: 64 * 1024 });
  // A client that the guest takes nothing from is not read, and so its own good-bye would never be.
  guest.once('end', () => terminateSoon(client));
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  try {
    await Promise.race([pipeline(guest, wire), pipeline(wire, guest), closed]);
  } catch {
    // One of them broke off; there is nobody to tell but the other.
  } finally {
    guest.destroy();
    hangUp(client, closeCode.normal);
  }
}

/** Ends a WebSocket politely, and soon in any case. Harmless when repeated. */
export function hangUp(client: WebSocket, code: number, reason = ''): void {
  if (client.readyState === client.CLOSED) return;
  client.close(code, reason);
  terminateSoon(client);
}

function terminateSoon(client: WebSocket): void {
  setTimeout(() => client.terminate(), farewellMs).unref();
}
