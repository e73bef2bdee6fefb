/** Engines go away while guests are made, exist and are deleted; what was asked for is there once they are back. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { hostState } from '../end-to-end/host-state.ts';
import { startRealCloud } from '../end-to-end/real-cloud.ts';
import { breakables } from './engines.ts';
import { type Guests, imageKinds, type Kind, kinds, prepareGuests, untilNothingIsLeft } from './ground.ts';

const run = promisify(execFile);

test('guests outlive their engines, and come and go when those are back', async (t) => {
  const cloud = await startRealCloud(t);
  const guests = await prepareGuests(cloud);
  const before = await hostState(cloud.dataDir);
  const old = await onEach((kind) => guests.create(kind, 'old'));
  await onEach((kind, n) => guests.untilRunning(kind, old[n]!));
  const withOld = await hostState(cloud.dataDir);
  const lives = await startsOf(old[0]!, old[1]!);

  for (const { name, down, up } of await breakables()) {
    const begin = performance.now();
    try {
      const early = await onEach((kind) => guests.create(kind, 'early'));
      await down();
      const late = await onEach((kind) => refusable(() => createIfPlaceable(guests, kind, 'late')));
      await up();
      await guests.untilPlaceable();
      const born = [...early, ...(await onEach(async (kind, n) => late[n] ?? guests.create(kind, 'late')))];
      await onEach((kind, n) => Promise.all([born[n]!, born[n + 2]!].map((id) => guests.untilRunning(kind, id))));
      t.deepEqual(await startsOf(old[0]!, old[1]!), lives, `${name}: guests that ran, run on`);

      await onEach((kind, n) => guests.remove(kind, early[n]!));
      await down();
      const removed = await onEach((kind, n) =>
        refusable(async () => guests.remove(kind, born[n + 2]!).then(() => true)),
      );
      await up();
      await onEach(async (kind, n) => removed[n] ?? guests.remove(kind, born[n + 2]!));
      await onEach((kind, n) => Promise.all([born[n]!, born[n + 2]!].map((id) => guests.untilGone(kind, id))));
      await untilNothingIsLeft(t, cloud, withOld);
      await onEach((kind, n) => guests.untilRunning(kind, old[n]!));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
    t.log(`${name}: ${Math.round(performance.now() - begin)} ms`);
  }
  t.deepEqual(await startsOf(old[0]!, old[1]!), lives, 'guests that ran, run on');

  await onEach((kind, n) => guests.remove(kind, old[n]!));
  await onEach((kind, n) => guests.untilGone(kind, old[n]!));
  await untilNothingIsLeft(t, cloud, before, imageKinds);
});

/** A server and a container at once. */
function onEach<T>(work: (kind: Kind, n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(kinds.map(work));
}

/** Undefined when there was no host for it: one whose engine has long been silent gets no more guests. */
async function createIfPlaceable(guests: Guests, kind: Kind, name: string): Promise<string | undefined> {
  const id = await guests.create(kind, name);
  const { state, body } = await guests.show(kind, id);
  if (state !== 'error' || !JSON.stringify(body).includes('No valid host')) return id;
  await guests.remove(kind, id);
  return undefined;
}

/** Undefined when the API says that it cannot now: without its database it may, and nothing of the request stays. */
async function refusable<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return ask().catch((error) => {
    if (/: 50[03] /.test(error.message)) return undefined;
    throw error;
  });
}

/** What would differ had the guests been started anew. */
async function startsOf(serverId: string, containerId: string): Promise<string[]> {
  const lives = await Promise.all([
    run('cat', [`/run/libvirt/qemu/cs-${serverId}.pid`]),
    run('docker', ['inspect', '--format', '{{.State.Pid}} {{.State.StartedAt}}', `cs-${containerId}`]),
  ]);
  return lives.map(({ stdout }) => stdout.trim());
}
