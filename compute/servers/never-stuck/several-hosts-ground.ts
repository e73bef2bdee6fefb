/** What sequences with several hosts begin with: a cloud whose first hosts are mortal, flavors to resize to, a network, an image. */
import type { ExecutionContext } from 'ava';
import { readMasterKey } from '../../../identity/tokens/keys.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { SimulatedHost } from '../../drivers/simulated/host.ts';
import { prepareCompute, uploadImage } from '../../testing.ts';
import { MortalHost } from './agents.ts';
import { randomNumbers } from './random-numbers.ts';
import { Sequence } from './several-hosts.ts';

export interface SequenceGround {
  seed: number;
  hosts: number;
  /** Deleted servers are kept for a while. */
  keepsDeleted: boolean;
  /** Of each host. */
  memoryMib: number;
}

/** Ends with the test, and tells its story when that fails. */
export async function startSequence(t: ExecutionContext, asked: SequenceGround): Promise<Sequence> {
  const settings = { reclaimServerSeconds: asked.keepsDeleted ? 3600 : 0, shelvedOffloadSeconds: 0 };
  const cloud = await startTestCloud(t, settings);
  const ground = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  for (const [id, ram] of Object.entries({ more: 128, large: 600, grow: 64, grown: 128 })) {
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram, vcpus: 1, disk: 1 } }, 200);
    if (!id.startsWith('grow')) continue;
    const extra_specs = { 'cirrostack:max_memory_mb': '256', 'cirrostack:min_memory_mb': '64' };
    await admin.post(`/compute/v2.1/flavors/${id}/os-extra_specs`, { extra_specs }, 200);
  }
  const quota_set = { instances: -1, cores: -1, ram: -1 };
  await admin.put(`/compute/v2.1/os-quota-sets/${member.projectId}`, { quota_set }, 200);
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'net' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/16' };
  await member.post('/network/v2.0/subnets', { subnet });
  await member.post('/network/v2.0/security-groups', { security_group: { name: 'extra' } });
  const facts = { memoryMib: asked.memoryMib, vcpus: 64 };
  Object.assign(ground.host.facts, facts);
  const simulated = [ground.host, ...Array.from({ length: asked.hosts - 1 }, () => new SimulatedHost(facts))];
  const story: string[] = [];
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const hosts = simulated.map(
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
    keepsDeleted: asked.keepsDeleted,
    random: randomNumbers(asked.seed),
    story,
  });
  t.teardown(async () => {
    if (!t.passed) t.log(story.join('\n'));
    await sequence.stop();
  });
  await sequence.comeToRest(); // hosts report
  return sequence;
}

/** How often what happened. */
export function summaryOf(story: string[]): Record<string, number> {
  const kinds = Map.groupBy(story, (line) => line.split(':')[0] ?? '');
  return Object.fromEntries([...kinds].map(([kind, lines]) => [kind, lines.length]));
}
