import type { WebSocket } from 'ws';
import { consoleLimits } from './limits.ts';

/**
 * Asks the other end again and again whether it is there, and cuts it off when it was silent from one time to the next: a
 * machine that vanished says no good-bye, and who does not read does not hear the question. Ends with the WebSocket.
 */
export function endWhenSilent(client: WebSocket, everyMs = consoleLimits.lookEverySeconds * 1000): void {
  let isThere = true;
  client.on('pong', () => {
    isThere = true;
  });
  const timer = setInterval(() => {
    // Who is not read from, because nobody takes what they say, cannot answer.
    if (!isThere && !client.isPaused) return client.terminate();
    isThere = false;
    if (client.readyState === client.OPEN) client.ping();
  }, everyMs);
  timer.unref();
  client.once('close', () => clearInterval(timer));
}
