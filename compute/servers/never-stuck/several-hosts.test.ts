/**
 * Random sequences of all that may befall servers of several hosts: what users and administrators ask for, alone, twice and
 * against each other, moves of every kind among it, while agents die between any two steps, hosts lose power or the others,
 * engines fail, and images vanish. In the end each server is what was asked for or says what to do, on one host, with its ports
 * and what was written on its disk; and no host has anything else.
 *
 * `CIRROSTACK_TEST_SEED` repeats one sequence, `CIRROSTACK_TEST_STEPS` makes it longer.
 */
import test from 'ava';
import { startSequence, summaryOf } from './several-hosts-ground.ts';

const seeds = process.env.CIRROSTACK_TEST_SEED ? [Number(process.env.CIRROSTACK_TEST_SEED)] : [1, 2];
const steps = Number(process.env.CIRROSTACK_TEST_STEPS ?? 80);

for (const seed of seeds)
  test(`whatever befalls hosts, each server is whole on one of them (seed ${seed}, ${steps} steps)`, async (t) => {
    const keepsDeleted = seed % 2 === 0;
    const sequence = await startSequence(t, { seed, hosts: 3, keepsDeleted, memoryMib: 2048 });
    for (let step = 0; step < steps; step += 1) {
      await sequence.step();
      await sequence.work();
      if (step % 20 !== 19) continue;
      await sequence.comeToRest();
      sequence.note('at rest');
      await sequence.checkAll();
    }
    await sequence.end();
    t.log(summaryOf(sequence.story));
  });
