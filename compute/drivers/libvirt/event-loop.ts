/**
 * libvirt's client library needs somebody to run its event loop: events, keepalive and the news that a connection broke all
 * come from there. There is one per process, on one thread of Node's pool, for as long as somebody uses it.
 */
import { libvirt } from './library.ts';

let users = 0;
let wakeTimer: number | undefined;
let turning = false;

/** Must be called before the first connection is opened. The loop, and with it the process, lives on until it is released. */
export function useEventLoop(): () => void {
  const library = libvirt();
  if (wakeTimer === undefined) {
    library.registerEventLoop();
    wakeTimer = library.addTimer(() => library.setTimer(wakeTimer!, -1));
  }
  users += 1;
  if (!turning) void turn();
  let released = false;
  return () => {
    if (released) return;
    released = true;
    users -= 1;
    // The thread sleeps in poll(): without this it would notice with the next event, and the process would live until then.
    if (users === 0) library.setTimer(wakeTimer!, 0);
  };
}

async function turn(): Promise<void> {
  turning = true;
  while (users > 0) {
    const result = await libvirt().runEventLoopOnce();
    if (result !== 0) await new Promise((resolve) => setTimeout(resolve, 100)); // poll() itself failed: do not spin
  }
  turning = false;
}
