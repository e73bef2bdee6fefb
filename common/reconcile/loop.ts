import { PermanentFailure } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';

/**
 * Makes the world match what was asked, object by object. It gets an id and nothing else: it reads what was asked, takes
 * the steps, writes what it saw. A notification, the periodic pass and a restart all run the same code.
 */
export interface Reconciler {
  /** Also the topic of its notifications. */
  name: string;
  /** Ids of objects that are not yet as asked; those longest unsettled first. */
  pending(limit: number): Promise<string[]>;
  /** Returns when there is nothing to do now (settled, or waiting for something whose change will wake it); throws to be tried again. */
  reconcile(id: string): Promise<void>;
  /** The slow pass: compares everything with the world and returns the ids of what drifted; removes what nobody owns. */
  sweep?(): Promise<string[]>;
  /** The process ends: steps that take long break off, to be taken again by the next one. */
  stop?(): void;
  /** Objects worked on at the same time, where the default is wrong: many, for steps that mostly wait for a guest. */
  concurrency?: number;
}

export interface LoopOptions {
  log: Logger;
  metrics?: Metrics;
  /** How often the database is asked even when nobody notified. */
  pollMs?: number;
  sweepMs?: number;
  /** Checked before each step: whoever lost the lock does nothing more. */
  mayRun?: () => boolean;
}

export interface Loop {
  readonly name: string;
  /** A hint that this object (or, without an id, any) wants a look now, back-off or not. */
  wake(id?: string): void;
  /** For tests: polls and works until nothing is pending that can be settled now. */
  settle(): Promise<void>;
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

const firstRetryMs = 500;
const lastRetryMs = 60_000;
const soonestAfterFailureMs = 2000;

/** Retries, back-off, concurrency, and that one id is never worked on twice at once, are all here and nowhere else. */
export function startLoop(reconciler: Reconciler, options: LoopOptions): Loop {
  const { log, metrics, pollMs = 2000, sweepMs = 60_000, mayRun = () => true } = options;
  const { concurrency = 8 } = reconciler;
  const queue = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const dirty = new Set<string>(); // woken while it was being worked on
  const failures = new Map<string, { count: number; retryAt: number }>();
  /** Looked at without error and still pending: they wait for somebody else, and must not keep others from being listed. */
  const waiting = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  let stopped = false;
  let polling: Promise<void> | undefined;
  let pollAgain = false;

  const pump = () => {
    if (!mayRun()) {
      queue.clear(); // whoever leads next reads it all from the database
      dirty.clear();
    }
    for (const id of queue) {
      if (stopped || running.size >= concurrency) return;
      queue.delete(id);
      running.set(id, work(id));
    }
  };
  const work = async (id: string) => {
    await null; // `running` knows the id before the first line of the step, which may wake it
    let outcome = 'done';
    let again = 0;
    try {
      await reconciler.reconcile(id);
      failures.delete(id);
      waiting.add(id);
    } catch (error) {
      // A reconciler records its permanent failures itself; one that comes this far is a bug worth seeing.
      const level = error instanceof PermanentFailure ? 'error' : 'warn';
      const count = (failures.get(id)?.count ?? 0) + 1;
      const delay = Math.min(firstRetryMs * 2 ** (count - 1), lastRetryMs);
      failures.set(id, { count, retryAt: Date.now() + delay });
      waiting.delete(id);
      // What woke it may be an event that the failing step itself made: not at once, or it would run in circles.
      again = Math.min(delay, soonestAfterFailureMs);
      outcome = 'failed';
      log[level]({ err: error, reconciler: reconciler.name, id, attempt: count, retryMs: delay }, 'reconcile failed');
    }
    metrics?.reconciles.inc({ reconciler: reconciler.name, outcome });
    running.delete(id);
    if (dirty.delete(id)) {
      if (again === 0) queue.add(id);
      else later(id, again);
    }
    pump();
  };
  const later = (id: string, ms: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopped) enqueue(id);
      pump();
    }, ms);
    timers.add(timer);
  };
  const enqueue = (id: string) => {
    if (running.has(id)) dirty.add(id);
    else queue.add(id);
  };
  const poll = async () => {
    if (stopped || !mayRun()) return;
    const limit = concurrency * 8 + failures.size + waiting.size;
    const ids = await reconciler.pending(limit);
    metrics?.backlog.set({ reconciler: reconciler.name }, ids.length);
    const now = Date.now();
    for (const id of ids) if (!running.has(id) && (failures.get(id)?.retryAt ?? 0) <= now) queue.add(id);
    if (ids.length < limit) {
      // Everything pending is in this list: whatever else is remembered has been settled or is gone.
      const pending = new Set(ids);
      for (const id of failures.keys()) if (!pending.has(id) && !running.has(id)) failures.delete(id);
      for (const id of waiting) if (!pending.has(id)) waiting.delete(id);
    }
    pump();
  };
  const guardedPoll = (): Promise<void> => {
    if (polling) {
      pollAgain = true;
      return polling;
    }
    polling = poll()
      .catch((error) => log.warn({ err: error, reconciler: reconciler.name }, 'cannot list what is pending'))
      .finally(() => {
        polling = undefined;
        if (pollAgain) {
          pollAgain = false;
          void guardedPoll();
        }
      });
    return polling;
  };
  let sweeping: Promise<void> | undefined;
  /** One at a time: whoever asks while it runs gets the one that runs. */
  const sweep = (): Promise<void> => {
    sweeping ??= sweepOnce().finally(() => {
      sweeping = undefined;
    });
    return sweeping;
  };
  const sweepOnce = async () => {
    if (stopped || !mayRun() || !reconciler.sweep) return;
    try {
      for (const id of await reconciler.sweep()) enqueue(id);
      pump();
    } catch (error) {
      log.warn({ err: error, reconciler: reconciler.name }, 'sweep failed');
    }
  };
  const pollTimer = setInterval(guardedPoll, pollMs);
  const sweepTimer = setInterval(() => void sweep(), sweepMs);

  return {
    name: reconciler.name,
    wake(id) {
      if (stopped || !mayRun()) return;
      if (id === undefined) {
        failures.clear();
        void guardedPoll();
        return;
      }
      const { retryAt = 0 } = failures.get(id) ?? {};
      const wait = Math.min(retryAt - Date.now(), soonestAfterFailureMs);
      if (wait > 0) return later(id, wait);
      enqueue(id);
      pump();
    },
    async settle() {
      // An id that is still pending after a step that changed nothing waits for somebody else: it is left to the caller's next settle.
      for (let tried = new Set<string>(); ; ) {
        while (running.size > 0 || queue.size > 0) {
          pump();
          if (running.size === 0) return;
          await Promise.all(running.values());
        }
        const ids = (await reconciler.pending(1000)).filter((id) => !tried.has(id));
        if (ids.length === 0) return;
        tried = new Set([...tried, ...ids]);
        for (const id of ids) enqueue(id);
      }
    },
    sweep: async () => {
      await sweep();
      while (running.size > 0) await Promise.all(running.values());
    },
    async stop() {
      stopped = true;
      reconciler.stop?.();
      clearInterval(pollTimer);
      clearInterval(sweepTimer);
      for (const timer of timers) clearTimeout(timer);
      await polling;
      await sweeping;
      await Promise.all(running.values());
    },
  };
}
