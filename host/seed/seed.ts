/** Fills a new cloud, through its API and nothing else. Doing it again completes what was cut off. */
import { join } from 'node:path';
import { buildBusyboxImage } from '../../compute/container-image/build.ts';
import type { Credentials } from '../credentials.ts';
import type { HostContext } from '../engines/engine.ts';
import { succeeds } from '../execute.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { becomes } from '../processes.ts';
import type { Steps } from '../steps.ts';
import {
  containerImageName,
  guestImageName,
  seedExternalNetwork,
  seedFlavors,
  seedImage,
  smallestFlavor,
} from './catalogue.ts';
import { ApiError, type Client, logIn } from './client.ts';
import {
  type DemoGuest,
  describeDemo,
  seedContainer,
  seedDemoNetwork,
  seedDemoProject,
  seedKeypair,
  seedSecurityGroup,
  seedServer,
} from './demo.ts';

export interface SeedOptions {
  steps: Steps;
  withDemo: boolean;
}

export async function seedCloud(
  context: HostContext,
  url: string,
  credentials: Credentials,
  guestImage: GuestImage,
  { steps, withDemo }: SeedOptions,
): Promise<void> {
  const admin = await logIn(url, credentials.admin);
  await steps.step('Flavors', () => seedFlavors(admin));
  const serverImage = await steps.step('Server image', () =>
    seedImage(admin, {
      name: guestImageName,
      path: guestImage.path,
      diskFormat: guestImage.diskFormat,
      containerFormat: 'bare',
      properties: { min_ram: 128, min_disk: 0, os_type: 'linux', os_admin_user: guestImage.loginUser },
    }),
  );
  const containerImage = await steps.step('Container image', async () => {
    const path = join(context.dataDir, 'cache', 'busybox.tar');
    await buildBusyboxImage(path);
    return seedImage(admin, { name: containerImageName, path, diskFormat: 'raw', containerFormat: 'docker' });
  });
  await steps.step('This host joins', () => hostJoined(admin));
  const external = await steps.step('External network', () => seedExternalNetwork(admin, context.externalCidr));
  if (!withDemo) return;
  await steps.step('Project demo', () => seedDemoProject(admin, credentials.demo.password));
  const demo = await logIn(url, credentials.demo);
  const network = await steps.step('Its network, router and security group', async () => {
    await seedSecurityGroup(demo);
    await seedKeypair(demo, join(context.dataDir, 'demo-key'));
    return seedDemoNetwork(demo, external.id);
  });
  await steps.step('First server', () =>
    seedServer(demo, {
      flavorName: smallestFlavor,
      imageId: serverImage.id,
      networkId: network.id,
      externalNetworkId: external.id,
    }),
  );
  await steps.step('First container', () => seedContainer(demo, containerImage.id, network.id));
}

/** The agent tells what its host has once it has found out how guests run here. */
async function hostJoined(admin: Client): Promise<string> {
  let states: { hypervisor_hostname: string; state: string }[] = [];
  const joined = async () => {
    states = (await admin.get('/compute/v2.1/os-hypervisors')).hypervisors;
    return states.some(({ state }) => state === 'up');
  };
  if (!(await becomes(joined, 60, 100)))
    throw new Error('No host has joined the cloud; the log of Cirrostack says why.');
  return states.map(({ hypervisor_hostname }) => hypervisor_hostname).join(', ');
}

/** What there is in the demo project, once its server answers. Whatever a person changed there is no error. */
export async function demoIsThere(url: string, credentials: Credentials, steps: Steps): Promise<DemoGuest[]> {
  try {
    const demo = await logIn(url, credentials.demo);
    const floating = (await describeDemo(demo)).flatMap(({ floatingAddresses }) => floatingAddresses);
    for (const address of floating) {
      await steps.step(`Ping of ${address}`, async () => {
        const answers = () => succeeds('ping', ['-c', '1', '-W', '1', address]);
        return (await becomes(answers, 120, 200)) ? 'answers' : 'does not answer';
      });
    }
    return await describeDemo(demo);
  } catch (error) {
    if (error instanceof ApiError && [401, 403, 404].includes(error.status)) return [];
    throw error;
  }
}
