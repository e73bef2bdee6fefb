/**
 * Every action against every disaster, and against every other action: each of a server of its own, in the state that it is for.
 *
 * `CIRROSTACK_TEST_SEED` chooses which of them meet where not all do; `CIRROSTACK_TEST_ALL=1` lets all of them meet.
 */
import test from 'ava';
import type { MortalHost } from './agents.ts';
import { pickWith, randomNumbers } from './random-numbers.ts';
import type { Labelled, Sequence } from './several-hosts.ts';
import { askedOfSeveralHosts } from './several-hosts-actions.ts';
import { startSequence, summaryOf } from './several-hosts-ground.ts';

const seed = Number(process.env.CIRROSTACK_TEST_SEED ?? 1);
const isAll = process.env.CIRROSTACK_TEST_ALL === '1';
const names = Object.keys(askedOfSeveralHosts);

/** What leads to a state, from a server that runs. */
const ways: Record<string, string> = {
  SHUTOFF: 'stop',
  PAUSED: 'pause',
  SUSPENDED: 'suspend',
  RESCUE: 'rescue',
  VERIFY_RESIZE: 'resize',
  SHELVED_OFFLOADED: 'shelve',
};

/** So many of them, others for each seed; all when that is wanted. */
function some<T>(items: T[], count: number, random: () => number): T[] {
  if (isAll) return items;
  const pick = pickWith(random);
  const chosen = new Set<T>();
  while (chosen.size < Math.min(count, items.length)) chosen.add(pick(items));
  return [...chosen];
}

/** A server for each of these actions, in the state that this is for. */
async function serversFor(sequence: Sequence, wanted: string[]): Promise<[name: string, Labelled][]> {
  const servers: [string, Labelled][] = [];
  for (const name of wanted) servers.push([name, await sequence.create()]);
  await sequence.comeToRest();
  for (const [name, server] of servers) {
    const [state = 'ACTIVE'] = askedOfSeveralHosts[name]?.when ?? [];
    if (state === 'SOFT_DELETED') await sequence.remove(server);
    else if (ways[state] !== undefined) await sequence.act(server, [ways[state]]);
  }
  await sequence.comeToRest();
  await sequence.checkAll();
  return servers;
}

async function allGone(sequence: Sequence): Promise<void> {
  for (const server of sequence.subjects) if (!server.isDeleted) await sequence.remove(server, true);
  await sequence.comeToRest();
  await sequence.checkAll();
}

interface Disaster {
  before?(sequence: Sequence, servers: Iterable<Labelled>): Promise<unknown>;
  /** Just after the actions were asked for. */
  after?(sequence: Sequence, servers: Iterable<Labelled>): Promise<unknown>;
  isTwice?: true;
}

const everywhere = (sequence: Sequence, strike: (host: MortalHost) => unknown) =>
  Promise.all(sequence.hosts.map((host) => strike(host)));
const failing = (kind: 'transient' | 'disk full' | 'permanent' | 'unforeseen', when: 'before' | 'after') => ({
  before: async ({ hosts, heal }: Sequence, servers: Iterable<Labelled>) => {
    for (const { host } of hosts)
      for (const { id } of servers) heal(host.failNext({ id, kind, when, times: kind === 'permanent' ? 1 : 3 }));
  },
});

const disasters: Record<string, Disaster> = {
  'asked for twice at once': { isTwice: true },
  'the engine is restarted': {
    async after(sequence) {
      await everywhere(sequence, ({ host }) => Object.assign(host, { isAway: true }));
      await sequence.work(true);
    },
  },
  'each step works and its answer is lost': failing('transient', 'after'),
  'the disk is full': failing('disk full', 'before'),
  'something fails for good': failing('permanent', 'before'),
  'something fails that nobody has foreseen': failing('unforeseen', 'after'),
  'the image is deleted, and no host has a copy': {
    async before(sequence) {
      await sequence.loseImage();
      await everywhere(sequence, (host) => host.loseImages());
    },
  },
  'the guest is destroyed': {
    after: (sequence, servers) =>
      everywhere(sequence, ({ host }) => {
        for (const { id } of servers) host.lose(id);
      }),
  },
  'the engine forgets the guest': {
    after: (sequence, servers) =>
      everywhere(sequence, ({ host }) => {
        for (const { id } of servers) host.forget(id);
      }),
  },
  'agents are killed again and again': {
    async after(sequence) {
      for (let life = 0; life < 12; life += 1) await sequence.work(true);
    },
  },
  'a host loses its power, and comes back': {
    async after({ hosts: [first], cut }) {
      if (first !== undefined) await cut(first);
    },
  },
  'it is deleted': {
    async after(sequence, servers) {
      for (const server of servers) if (!server.isDeleted) await sequence.remove(server, true);
    },
  },
};

test(`each action comes to its end or says what to do, whatever befalls its server (seed ${seed})`, async (t) => {
  const sequence = await startSequence(t, { seed, hosts: 2, keepsDeleted: true, memoryMib: 65_536 });
  const random = randomNumbers(seed);
  for (const [what, { before, after, isTwice }] of Object.entries(disasters)) {
    sequence.note(`when ${what}`);
    const servers = await serversFor(sequence, some(names, 5, random));
    const all = servers.map(([, server]) => server);
    await before?.(sequence, all);
    for (const [name, server] of servers) await sequence.act(server, isTwice ? [name, name] : [name]);
    await after?.(sequence, all);
    await sequence.work(true);
    await sequence.comeToRest();
    await sequence.checkAll();
    await allGone(sequence);
  }
  await sequence.end();
  t.log(summaryOf(sequence.story));
});

test(`of two actions at once, either holds, and the server is what was accepted (seed ${seed})`, async (t) => {
  const sequence = await startSequence(t, { seed, hosts: 2, keepsDeleted: true, memoryMib: 65_536 });
  const random = randomNumbers(seed);
  for (const first of some(names, 3, random)) {
    const others = some(names, 6, random);
    const servers = await serversFor(sequence, Array(others.length).fill(first));
    for (const [index, [, server]] of servers.entries()) await sequence.act(server, [first, others[index] ?? first]);
    await sequence.work(true);
    await sequence.comeToRest();
    await sequence.checkAll();
    await allGone(sequence);
  }
  await sequence.end();
  t.log(summaryOf(sequence.story));
});
