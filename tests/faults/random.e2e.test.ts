/**
 * Random sequences on real engines: requests, alone and against each other, while our process is killed, libvirtd is killed,
 * guests are destroyed, undefined and killed, and the base image is removed from the host. In the end each server is what was
 * asked for, or says why not, and host and database agree. The fast twin of this test, with thousands of steps, is
 * compute/servers/never-stuck/random.test.ts. `CIRROSTACK_TEST_SEED` repeats one sequence, `CIRROSTACK_TEST_STEPS` makes it longer.
 */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import {
  actions,
  newborn,
  powersOf,
  type Subject,
  statusOf,
  withAccepted,
} from '../../compute/servers/never-stuck/model.ts';
import { pickWith, randomNumbers } from '../../compute/servers/never-stuck/random-numbers.ts';
import { hostState } from '../end-to-end/host-state.ts';
import { startRealCloud, until } from '../end-to-end/real-cloud.ts';
import { breakables } from './engines.ts';
import { prepareGuests, untilNothingIsLeft } from './ground.ts';

const execute = promisify(execFile);
const virsh = (...args: string[]) =>
  execute('virsh', ['-c', 'qemu:///system', ...args]).then(({ stdout }) => stdout.trim());
const seed = Number(process.env.CIRROSTACK_TEST_SEED ?? 1);
const steps = Number(process.env.CIRROSTACK_TEST_STEPS ?? 20);
const most = 2;

/** The words of `virsh domstate`. */
const domainStates = {
  running: 'running',
  paused: 'paused',
  shutdown: 'shut off',
  suspended: 'shut off',
  crashed: 'crashed',
};

test(`whatever befalls servers on a real host, none is stuck and nothing stays behind (seed ${seed}, ${steps} steps)`, async (t) => {
  const cloud = await startRealCloud(t);
  const guests = await prepareGuests(cloud);
  const before = await hostState(cloud.dataDir);
  const libvirtd = (await breakables()).find(({ name }) => name === 'libvirt is killed (libvirtd)')!;
  const random = randomNumbers(seed);
  const pick = pickWith(random);
  const subjects: Subject[] = [];
  const story: string[] = [];
  const { images } = (await cloud.ask('member', 'GET', '/image/v2/images?name=blank')).body;
  const imageId = images[0].id as string;

  const create = async () => {
    const id = await guests.create('server', `server-${subjects.length}`);
    subjects.push({ id, models: [newborn], isDeleted: false });
    story.push(`create ${id}`);
  };
  const remove = async (subject: Subject) => {
    await guests.remove('server', subject.id);
    subject.isDeleted = true;
    story.push(`delete ${subject.id}`);
  };
  const act = async (subject: Subject, names: string[]) => {
    const path = `/compute/v2.1/servers/${subject.id}/action`;
    const answers = await Promise.all(
      names.map((name) => cloud.ask('member', 'POST', path, actions[name]?.body({ imageId }))),
    );
    const accepted = names.filter((_, index) => (answers[index]?.status ?? 500) < 300);
    for (const [index, { status, body }] of answers.entries()) {
      t.true(status < 300 || status === 409, `${names[index]}: ${status} ${JSON.stringify(body)}`);
      story.push(`${names[index]} of ${subject.id}: ${status}`);
    }
    subject.models = withAccepted(subject.models, accepted);
  };
  const faults = {
    'our process is killed': async () => {
      await cloud.kill();
      await cloud.start();
    },
    'libvirtd is killed': async () => {
      await libvirtd.down();
      await libvirtd.up();
    },
    'its domain is destroyed': (id: string) => virsh('destroy', `cs-${id}`),
    'its domain is destroyed and undefined': async (id: string) => {
      await virsh('undefine', `cs-${id}`);
      await virsh('destroy', `cs-${id}`);
    },
    'its QEMU is killed': async (id: string) => {
      const pid = Number(await readFile(`/run/libvirt/qemu/cs-${id}.pid`, 'utf8'));
      process.kill(pid, 'SIGKILL');
    },
    'its image is removed from the host': () => rm(join(cloud.dataDir, 'compute', 'images', imageId), { force: true }),
  };
  const atRest = async () => {
    await guests.untilPlaceable();
    for (const subject of subjects) {
      const path = `/compute/v2.1/servers/${subject.id}`;
      let last = '';
      await until(`${subject.id} is at rest`, async () => {
        const { status, body } = await cloud.ask('member', 'GET', path);
        last = JSON.stringify(body);
        if (subject.isDeleted) return status === 404;
        const { status: shown, 'OS-EXT-STS:task_state': task, fault } = body.server;
        const model = subject.models.find((one) => statusOf(one) === shown);
        if (task !== null || model === undefined) return shown === 'ERROR' && task === null && !!fault?.message;
        const state = await virsh('domstate', `cs-${subject.id}`).catch(() => undefined);
        return powersOf(model).some((power) => (power === undefined ? undefined : domainStates[power]) === state);
      }).catch((error) => {
        const wanted = subject.isDeleted ? 'gone' : subject.models.map(statusOf).join();
        throw new Error(`${error.message}: should be ${wanted}, and is ${last}`);
      });
    }
  };

  /** Mostly what makes sense, for things to happen; else anything. None of these waits for a guest to obey. */
  const sensible: Record<string, string[]> = {
    ACTIVE: ['pause', 'suspend', 'hard reboot', 'rebuild', 'create image'],
    PAUSED: ['unpause', 'hard reboot', 'create image'],
    SUSPENDED: ['resume', 'hard reboot'],
  };
  const wish = ({ models: [model] }: Subject) => pick((random() < 0.7 && model && sensible[statusOf(model)]) || quick);
  const quick = ['pause', 'unpause', 'suspend', 'resume', 'hard reboot', 'rebuild', 'create image', 'unrescue'];
  try {
    for (let step = 0; step < steps; step += 1) {
      const alive = subjects.filter(({ isDeleted }) => !isDeleted);
      const dice = random();
      const subject = alive.length === 0 ? undefined : pick(alive);
      if (subject === undefined || (dice < 0.15 && alive.length < most)) await create();
      else if (dice < 0.2) await remove(subject);
      else if (dice < 0.5) {
        const [name, fault] = pick(Object.entries(faults));
        story.push(`${name} (${subject.id})`);
        await fault(subject.id).catch(() => {}); // it may not be there yet, or any more
      } else await act(subject, dice < 0.85 ? [wish(subject)] : [wish(subject), wish(subject)]);
      if (random() < 0.4) await atRest();
    }
    await atRest();
    for (const subject of subjects) if (!subject.isDeleted) await remove(subject);
    await atRest();
    for (const { id } of (await cloud.ask('member', 'GET', '/image/v2/images?name=kept')).body.images)
      await cloud.ask('member', 'DELETE', `/image/v2/images/${id}`);
    await cloud.kill(); // images go from hosts once a minute, and at every start
    await cloud.start();
    await untilNothingIsLeft(t, cloud, before, ['cachedImages']);
  } finally {
    t.log(story.join('\n'));
  }
});
