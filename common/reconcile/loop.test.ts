import test from 'ava';
import { pino } from 'pino';
import { type LoopOptions, type Reconciler, startLoop } from './loop.ts';

const log = pino({ level: 'silent' });
const never = 2 ** 31 - 1;

function loopOver(reconciler: Partial<Reconciler>, options: Partial<LoopOptions> = {}) {
  return startLoop(
    { name: 'things', pending: async () => [], reconcile: async () => undefined, ...reconciler },
    { log, pollMs: never, sweepMs: never, ...options },
  );
}

test('settle works on everything pending until nothing is', async (t) => {
  const left = new Set(['a', 'b', 'c']);
  const loop = loopOver({
    pending: async () => [...left],
    reconcile: async (id) => {
      left.delete(id);
    },
  });
  t.teardown(() => loop.stop());
  await loop.settle();
  t.is(left.size, 0);
});

test('one id is never worked on twice at once, and a wake meanwhile is not lost', async (t) => {
  let running = 0;
  let runs = 0;
  let release = () => {};
  const loop = loopOver({
    reconcile: async () => {
      running += 1;
      runs += 1;
      t.is(running, 1);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      running -= 1;
    },
  });
  t.teardown(() => loop.stop());
  loop.wake('a');
  while (runs < 1) await new Promise((resolve) => setImmediate(resolve));
  loop.wake('a');
  loop.wake('a');
  t.is(runs, 1);
  release();
  while (runs < 2) await new Promise((resolve) => setImmediate(resolve));
  release();
  await loop.settle();
  t.is(runs, 2);
});

test('no more than `concurrency` ids are worked on together', async (t) => {
  let running = 0;
  let most = 0;
  const left = new Set(Array.from({ length: 20 }, (_, i) => String(i)));
  const loop = loopOver({
    pending: async () => [...left],
    reconcile: async (id) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      left.delete(id);
    },
    concurrency: 3,
  });
  t.teardown(() => loop.stop());
  await loop.settle();
  t.is(most, 3);
});

test('a failing object is tried again and does not hold up the others', async (t) => {
  const left = new Set(['bad', 'good']);
  let failures = 0;
  const loop = loopOver(
    {
      pending: async () => [...left],
      reconcile: async (id) => {
        if (id === 'bad' && failures < 2) {
          failures += 1;
          throw new Error('not yet');
        }
        left.delete(id);
      },
    },
    { pollMs: 5 },
  );
  t.teardown(() => loop.stop());
  while (left.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(failures, 2);
});

test('whoever may not run does nothing', async (t) => {
  let mayRun = false;
  const done: string[] = [];
  const loop = loopOver(
    {
      reconcile: async (id) => {
        done.push(id);
      },
    },
    { mayRun: () => mayRun },
  );
  t.teardown(() => loop.stop());
  loop.wake('a');
  t.deepEqual(done, []);
  mayRun = true;
  loop.wake('b');
  await loop.settle();
  t.deepEqual(done, ['b'], 'what it was told before, whoever led then has done');
});

test('what the sweep finds is worked on, and a failing sweep is survived', async (t) => {
  const done: string[] = [];
  let fail = true;
  const loop = loopOver({
    reconcile: async (id) => {
      done.push(id);
    },
    sweep: async () => {
      if (fail) throw new Error('engine away');
      return ['drifted'];
    },
  });
  t.teardown(() => loop.stop());
  await loop.sweep();
  fail = false;
  await loop.sweep();
  t.deepEqual(done, ['drifted']);
});

test('stop waits for what is being worked on', async (t) => {
  let finished = false;
  const loop = loopOver({
    reconcile: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      finished = true;
    },
  });
  loop.wake('a');
  await loop.stop();
  t.true(finished);
});

test('objects that wait for others do not keep the rest from being tried again', async (t) => {
  const waiting = Array.from({ length: 100 }, (_, i) => `waiting-${i}`);
  let attempts = 0;
  const loop = loopOver(
    {
      pending: async (limit) => [...waiting, ...(attempts < 2 ? ['late'] : [])].slice(0, limit),
      reconcile: async (id) => {
        if (id !== 'late') return;
        attempts += 1;
        if (attempts < 2) throw new Error('not yet');
      },
    },
    { pollMs: 5 },
  );
  t.teardown(() => loop.stop());
  while (attempts < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(attempts, 2);
});

test('a failing step that wakes itself is still held back', async (t) => {
  let attempts = 0;
  const loop = loopOver({
    reconcile: async (id) => {
      attempts += 1;
      loop.wake(id);
      throw new Error('always');
    },
  });
  t.teardown(() => loop.stop());
  loop.wake('a');
  while (attempts === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  t.is(attempts, 1);
});

test('whoever may not run remembers nothing of what it was told', async (t) => {
  let mayRun = false;
  const done: string[] = [];
  const loop = loopOver(
    {
      reconcile: async (id) => {
        done.push(id);
      },
    },
    { mayRun: () => mayRun },
  );
  t.teardown(() => loop.stop());
  loop.wake('told while somebody else leads');
  mayRun = true;
  loop.wake('mine');
  await loop.settle();
  t.deepEqual(done, ['mine']);
});
