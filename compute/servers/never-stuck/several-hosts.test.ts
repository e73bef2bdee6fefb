/**
 * Random sequences of all that may befall servers of several hosts: what users and administrators ask for, alone, twice and
 * against each other, moves of every kind among it, while agents die between any two steps, hosts lose power or the others,
 * engines fail, and images vanish. In the end each server is what was asked for or says what to do, on one host, with its ports
 * and what was written on its disk; and no host has anything else.
 *
 * `CIRROSTACK_TEST_SEED` repeats one sequence, `CIRROSTACK_TEST_STEPS` makes it longer.
 */
import test from 'ava';
import { readMasterKey } from '../../../identity/tokens/keys.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { SimulatedHost } from '../../drivers/simulated/host.ts';
import { prepareCompute, uploadImage } from '../../testing.ts';
import { MortalHost } from './agents.ts';
import { randomNumbers } from './random-numbers.ts';
import { Sequence } from './several-hosts.ts';

const seeds = process.env.CIRROSTACK_TEST_SEED ? [Number(process.env.CIRROSTACK_TEST_SEED)] : [1, 2];
const steps = Number(process.env.CIRROSTACK_TEST_STEPS ?? 100);

for (const seed of seeds)
  test(`whatever befalls hosts, each server is whole on one of them (seed ${seed}, ${steps} steps)`, async (t) => {
    const settings = { reclaimServerSeconds: seed % 2 === 0 ? 3600 : 0, shelvedOffloadSeconds: 0 };
    const cloud = await startTestCloud(t, settings);
    const ground = await prepareCompute(t, cloud);
    const [admin, member] = [cloud.as('admin'), cloud.as('member')];
    const flavors = { more: 128, large: 600, grow: 64, grown: 128 };
    for (const [id, ram] of Object.entries(flavors)) {
      await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram, vcpus: 1, disk: 1 } }, 200);
      if (!id.startsWith('grow')) continue;
      const extra_specs = { 'cirrostack:max_memory_mb': '256', 'cirrostack:min_memory_mb': '64' };
      await admin.post(`/compute/v2.1/flavors/${id}/os-extra_specs`, { extra_specs }, 200);
    }
    const { network } = await member.post('/network/v2.0/networks', { network: { name: 'net' } });
    const subnet = { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/16' };
    await member.post('/network/v2.0/subnets', { subnet });
    await member.post('/network/v2.0/security-groups', { security_group: { name: 'extra' } });
    const story: string[] = [];
    const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
    const facts = { memoryMib: 2048, vcpus: 16 };
    Object.assign(ground.host.facts, facts);
    const hosts = [ground.host, new SimulatedHost(facts), new SimulatedHost(facts)].map(
      (host, index) =>
        new MortalHost(`host-${index + 1}`, host, {
          cloud,
          master,
          reclaimSeconds: settings.reclaimServerSeconds,
          shelvedOffloadSeconds: settings.shelvedOffloadSeconds,
          note: (what) => story.push(what),
        }),
    );
    const sequence = new Sequence(t, {
      cloud,
      ground,
      hosts,
      networkId: network.id,
      imageId: await uploadImage(t, cloud, { hw_qemu_guest_agent: 'yes' }),
      keepsDeleted: settings.reclaimServerSeconds > 0,
      random: randomNumbers(seed),
      story,
    });
    t.teardown(() => sequence.stop());
    try {
      await sequence.comeToRest(); // hosts report
      for (let step = 0; step < steps; step += 1) {
        await sequence.step();
        await sequence.work();
        if (step % 20 !== 19) continue;
        await sequence.comeToRest();
        story.push('at rest');
        await sequence.checkAll();
      }
      await sequence.end();
    } finally {
      if (!t.passed) t.log(story.join('\n'));
    }
    const counts = Map.groupBy(story, (line) => line.split(':')[0] ?? '');
    t.log(Object.fromEntries([...counts].map(([kind, lines]) => [kind, lines.length])));
  });
