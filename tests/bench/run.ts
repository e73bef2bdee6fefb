/** `node_modules/.bin/node tests/bench/run.ts [NAME…]`: measures, and prints the figures with the facts of the machine. Nothing is asserted. */
import { UsageError } from '../../host/options.ts';
import { startSteps, table } from '../../host/steps.ts';
import { measureServerLists } from './compute.ts';
import { measureCreation } from './creation.ts';
import type { Figure } from './figures.ts';
import { measureContainers, measureServers } from './guests.ts';
import { type HostCloud, startHostCloud } from './host-cloud.ts';
import { identityBenchmarks, startIdentityCloud } from './identity.ts';
import { measureImageCache } from './image-cache.ts';
import { measureImageData } from './image-data.ts';
import { measureImages } from './images.ts';
import { loadOfMachine, machineFacts } from './machine.ts';
import { measureMemory } from './memory.ts';
import { measurePlacements } from './placements.ts';

const help = `Usage: node_modules/.bin/node tests/bench/run.ts [NAME…]

Measures, and prints what it found with the facts of the machine. Without names: everything, in this order.

  compute-lists       servers, on simulated hosts: a page of 20,000, one of them
  compute-placements  placing servers among 10,000 hosts
  compute-creation    from POST /servers to ACTIVE, on a simulated host
  tokens      the same of Identity where 50,000 users are known to it: validation, own scopes
  credentials logins with application credentials
  passwords   logins with passwords, against the hash function alone, and validations meanwhile
  lists       lists of users and of role assignments
  images      lists of images
  image-data  512 MiB uploaded and downloaded, against hashing, copying and serving the same file
  image-cache an image on its way to a host, against cp
  up          bin/up from installed packages, and again after bin/down
  memory      what our process and PostgreSQL take when idle
  servers     POST /servers to ACTIVE, against virsh create
  containers  POST /containers?run=true to Running, against docker run

From up on they need root and a host without a cloud: they make one by bin/up and remove it by bin/down --purge.
`;

/** Those that share one cloud on real engines. */
const onHost: Record<string, (cloud: HostCloud) => Promise<Figure[]>> = {
  up: async ({ firstUpSeconds, upAgainSeconds }) => [
    { what: 'bin/up, packages installed', value: `${firstUpSeconds.toFixed(1)} s`, target: 'at most 90 s' },
    { what: 'bin/up, started again', value: `${upAgainSeconds.toFixed(1)} s`, target: 'at most 20 s' },
  ],
  memory: ({ context }) => measureMemory(context),
  servers: measureServers,
  containers: measureContainers,
};

const ofCompute: Record<string, () => Promise<Figure[]>> = {
  'compute-lists': measureServerLists,
  'compute-placements': measurePlacements,
  'compute-creation': measureCreation,
};

const names = [
  ...Object.keys(ofCompute),
  ...Object.keys(identityBenchmarks),
  'images',
  'image-data',
  'image-cache',
  ...Object.keys(onHost),
];

async function main(asked: string[]): Promise<void> {
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is no benchmark ${unknown}. See --help.`);
  const chosen = names.filter((name) => asked.length === 0 || asked.includes(name));
  const steps = startSteps();
  const facts = await machineFacts();
  const figures: Figure[] = [];
  const take = async (name: string, measure: () => Promise<Figure[]>) => {
    figures.push(...(await steps.step(`${name}, at load ${loadOfMachine()}`, measure)));
  };
  for (const [name, measure] of Object.entries(ofCompute)) if (chosen.includes(name)) await take(name, measure);
  const ofIdentity = Object.entries(identityBenchmarks).filter(([name]) => chosen.includes(name));
  if (ofIdentity.length > 0) {
    const cloud = await steps.step('A cloud of many users', startIdentityCloud);
    try {
      for (const [name, measure] of ofIdentity) await take(name, () => measure(cloud));
    } finally {
      await cloud.stop();
    }
  }
  if (chosen.includes('images')) await take('images', measureImages);
  if (chosen.includes('image-data')) await take('image-data', measureImageData);
  if (chosen.includes('image-cache')) await take('image-cache', measureImageCache);
  const needed = Object.entries(onHost).filter(([name]) => chosen.includes(name));
  if (needed.length > 0) {
    const cloud = await steps.step('A cloud on this host', startHostCloud);
    try {
      for (const [name, measure] of needed) await take(name, () => measure(cloud));
    } finally {
      await steps.step('Removing it', cloud.remove);
    }
  }
  facts.push(['Load after', loadOfMachine()]);
  const rows = figures.map(({ what, value, target = '' }) => [what, value, target]);
  process.stdout.write(`\n${table(facts)}\n${table(rows)}`);
}

const argv = process.argv.slice(2);
if (argv.includes('--help') || argv.includes('-h')) process.stdout.write(help);
else
  await main(argv).catch((error: Error) => {
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  });
