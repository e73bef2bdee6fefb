import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition; throws, with its name and the last failure, when it does not come true in time (milliseconds). */
export async function until(name: string, condition: () => unknown, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  let fault: unknown;
  for (;;) {
    try {
      if (await condition()) return;
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    if (Date.now() > deadline) throw new Error(`Did not come true in ${limitMs} ms: ${name}`, { cause: fault });
    await sleep(20);
  }
}
