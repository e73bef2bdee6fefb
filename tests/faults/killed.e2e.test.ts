/** Our process is killed as soon as a step of its work can be seen from outside; the next one finishes what it began. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostState } from '../end-to-end/host-state.ts';
import { type RealCloud, startRealCloud } from '../end-to-end/real-cloud.ts';
import { type Guests, imageKinds, type Kind, newOnHost, prepareGuests, untilNothingIsLeft } from './ground.ts';
import { answers, appears, dockerEvent, row, vanishes, type Watch } from './witnesses.ts';

/** What can be seen of a creation and of a deletion, in the order of its coming. Null: the answer of the API. */
interface Steps {
  creation: Record<string, Watch | null>;
  deletion: Record<string, Watch | null>;
}

const taps = ['/sys/class/net', /^tap/] as const;
const plugged = (change: 'insert' | 'delete') => row('Open_vSwitch', 'Interface', 'name', change);
const logical = row('OVN_Northbound', 'Logical_Switch', 'ports', 'new');

function serverSteps({ dataDir }: RealCloud): Steps {
  const guests = join(dataDir, 'compute', 'servers');
  const uuid = /^[0-9a-f-]{36}$/;
  return {
    creation: {
      'the answer was given': null,
      'the image began to come': appears(join(dataDir, 'compute', 'images'), /./),
      'the image is in the cache': appears(join(dataDir, 'compute', 'images'), uuid),
      'its port is in the northbound database': logical,
      'its directory is there': appears(guests, uuid),
      'its domain is defined': appears('/etc/libvirt/qemu', /^cs-.*\.xml$/),
      'its tap is there': appears(...taps),
      'its tap is on the bridge': plugged('insert'),
      'QEMU runs': appears('/run/libvirt/qemu', /^cs-.*\.pid$/),
    },
    deletion: {
      'the answer was given': null,
      'QEMU is gone': vanishes('/run/libvirt/qemu', /^cs-.*\.pid$/),
      'its tap is gone': vanishes(...taps),
      'its tap is off the bridge': plugged('delete'),
      'its domain is gone': vanishes('/etc/libvirt/qemu', /^cs-.*\.xml$/),
      'its directory is gone': vanishes(guests, uuid),
      'its port is out of the northbound database': logical,
    },
  };
}

function containerSteps({ dataDir }: RealCloud): Steps {
  return {
    creation: {
      'the answer was given': null,
      'the archive began to come': appears(join(dataDir, 'compute', 'container-images'), /./),
      'the engine has the image': dockerEvent('image', 'load', 'tag'),
      'its port is in the northbound database': logical,
      'it is made': dockerEvent('container', 'create'),
      'its tap is there': appears(...taps),
      'its tap is on the bridge': plugged('insert'),
      'it is started': dockerEvent('container', 'start'),
    },
    deletion: {
      'the answer was given': null,
      'its program was killed': dockerEvent('container', 'kill'),
      'it has ended': dockerEvent('container', 'die'),
      'its tap is gone': vanishes(...taps),
      'its tap is off the bridge': plugged('delete'),
      'it is gone from the engine': dockerEvent('container', 'destroy'),
      'its port is out of the northbound database': logical,
    },
  };
}

test('a server comes and goes whenever our process is killed', (t) => killAtEachStep(t, 'server', serverSteps));
test('a container comes and goes whenever our process is killed', (t) =>
  killAtEachStep(t, 'container', containerSteps));

async function killAtEachStep(t: ExecutionContext, kind: Kind, stepsOf: (cloud: RealCloud) => Steps): Promise<void> {
  const cloud = await startRealCloud(t, { config: () => ({ imageCacheUnusedHours: 0 }) });
  const guests = await prepareGuests(cloud);
  const steps = stepsOf(cloud);
  const creation = Object.entries({ ...steps.creation, 'it is shown as running': answers(isShown(guests, kind)) });
  const deletion = Object.entries({
    ...steps.deletion,
    'nobody is shown it any more': answers(isUnknown(guests, kind)),
  });
  const before = await hostState(cloud.dataDir);

  const rounds = Math.max(creation.length, deletion.length);
  for (let round = 0; round < rounds; round++) {
    const [born, birth] = creation[round % creation.length]!;
    await atStep(t, `created until ${born}`, async () => {
      await killedWhen(cloud, birth, () => guests.create(kind, 'guest'));
      const id = (await guests.find(kind, 'guest')) ?? (await guests.create(kind, 'guest'));
      await guests.untilRunning(kind, id);
      const { domains = [], containers = [], bridgePorts, logicalPorts } = await newOnHost(cloud, before);
      t.is(
        [...domains, ...containers, ...(bridgePorts ?? []), ...(logicalPorts ?? [])].length,
        3,
        'one guest, plugged once',
      );
    });
    const [gone, death] = deletion[round % deletion.length]!;
    await atStep(t, `deleted until ${gone}`, async () => {
      const id = (await guests.find(kind, 'guest'))!;
      await killedWhen(cloud, death, () => guests.remove(kind, id));
      await guests.untilGone(kind, id);
      await untilNothingIsLeft(t, cloud, before, imageKinds);
      // The first rounds watch images come, so they have to go; later it is enough that the last of them does.
      if (round > 2 && round < rounds - 1) return;
      await cloud.kill(); // images go once a minute, and at every start
      await cloud.start();
      await untilNothingIsLeft(t, cloud, before);
    });
  }
}

const isShown = (guests: Guests, kind: Kind) => async () => {
  const id = await guests.find(kind, 'guest').catch(() => undefined);
  return id !== undefined && (await guests.show(kind, id)).state === 'running';
};

const isUnknown = (guests: Guests, kind: Kind) => async () =>
  (await guests.find(kind, 'guest').catch(() => 'nobody knows')) === undefined;

/** Names the step in what fails there. */
async function atStep(t: ExecutionContext, step: string, work: () => Promise<void>): Promise<void> {
  const begin = performance.now();
  await work().catch((error) => {
    throw new Error(`${step}: ${error.message}`, { cause: error });
  });
  t.log(`${step}: ${Math.round(performance.now() - begin)} ms`);
}

/** Asks for something and kills our process at once when the step is seen; then starts it again. */
async function killedWhen(cloud: RealCloud, watch: Watch | null, ask: () => Promise<unknown>): Promise<void> {
  const witness = await watch?.();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the step was never seen')), 300_000);
  });
  try {
    const asked = ask();
    asked.catch(() => {}); // whether the answer still came does not matter
    await Promise.race([witness === undefined ? asked : witness.seen, tooLate]);
    await cloud.kill();
  } finally {
    clearTimeout(timer);
    witness?.stop();
  }
  await cloud.start();
}
