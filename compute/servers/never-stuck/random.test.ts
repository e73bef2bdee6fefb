/**
 * Random sequences of all that may befall servers: what users ask for, alone, twice and against each other, while the engine
 * is away, fails before or after its work, is full, loses guests, images vanish, and our process dies between any two steps.
 * Whatever the order, in the end each server is what was asked for or says what to do, and the host has that and nothing else.
 *
 * `CIRROSTACK_TEST_SEED` repeats one sequence, `CIRROSTACK_TEST_STEPS` makes it longer.
 */
import test, { type ExecutionContext } from 'ava';
import { NotFound } from '../../../common/errors.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { Killed, type Reaper, reaper } from '../../mortal.ts';
import { type Ground, prepareCompute, type TestCloud, uploadImage } from '../../testing.ts';
import { mortalReconciler } from '../deaths.ts';
import { actions, newborn, powersOf, type Subject, statusOf, withAccepted } from './model.ts';
import { pickWith, randomNumbers } from './random-numbers.ts';

const seeds = process.env.CIRROSTACK_TEST_SEED ? [Number(process.env.CIRROSTACK_TEST_SEED)] : [1, 2, 3];
const steps = Number(process.env.CIRROSTACK_TEST_STEPS ?? 120);
const most = 5;

class Sequence {
  readonly t: ExecutionContext;
  readonly cloud: TestCloud;
  readonly ground: Ground;
  readonly random: () => number;
  readonly pick: ReturnType<typeof pickWith>;
  readonly subjects: Subject[] = [];
  readonly counts = new Map<string, number>();
  readonly story: string[] = [];
  imageId: string;
  /** Those that a guest's disk cannot be made of any more. */
  readonly vanished = new Set<string>();
  #heal: (() => void)[] = [];
  readonly #atWork = new Map<string, Promise<void>>();

  constructor(t: ExecutionContext, cloud: TestCloud, ground: Ground, seed: number) {
    this.t = t;
    this.cloud = cloud;
    this.ground = ground;
    this.random = randomNumbers(seed);
    this.pick = pickWith(this.random);
    this.imageId = ground.imageId;
  }

  note(what: string): void {
    this.story.push(what);
    const [kind = ''] = what.split(':');
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  async step(): Promise<void> {
    const alive = this.subjects.filter(({ isDeleted }) => !isDeleted);
    const dice = this.random();
    if (alive.length === 0 || (dice < 0.06 && alive.length < most)) return this.create();
    const subject = this.pick(alive);
    if (dice < 0.1) return this.remove(subject);
    if (dice < 0.3) return this.fault(subject);
    const name = this.pick(Object.keys(actions));
    if (dice < 0.85) return this.act(subject, [name]);
    await this.act(subject, [name, dice < 0.92 ? name : this.pick(Object.keys(actions))]);
  }

  async create(): Promise<void> {
    const now = this.cloud.db.fn.now();
    await this.cloud.db('compute_hosts').update({ heartbeat_at: now, agent_seen_at: now }); // however slow this machine is
    const id = await this.ground.createServer({ imageRef: this.imageId });
    this.subjects.push({ id, models: [newborn], isDeleted: false });
    this.note(`create: ${id}`);
  }

  async remove(subject: Subject): Promise<void> {
    await this.cloud.as('member').delete(`/compute/v2.1/servers/${subject.id}`);
    subject.isDeleted = true;
    this.note(`delete: ${subject.id}`);
  }

  /** Asks for one thing, or for several at once. What is accepted holds; what is refused is refused in Nova's shape. */
  async act(subject: Subject, names: string[]): Promise<void> {
    const path = `/compute/v2.1/servers/${subject.id}/action`;
    const body = (name: string) => actions[name]?.body({ imageId: this.imageId });
    const member = this.cloud.as('member');
    const answers = await Promise.all(names.map((name) => member.request({ method: 'POST', path, body: body(name) })));
    const accepted: string[] = [];
    for (const [index, { status, text }] of answers.entries()) {
      const name = names[index] as string;
      this.note(`${status < 300 ? 'accepted' : 'refused'}: ${name} of ${subject.id}: ${status}`);
      this.t.true(status < 300 || status === 409 || /must change flavor/.test(text), `${name}: ${status} ${text}`);
      if (status < 300) accepted.push(name);
    }
    subject.models = withAccepted(subject.models, accepted);
  }

  async fault(subject: Subject): Promise<void> {
    const { host } = this.ground;
    const kind = this.pick([
      'transient',
      'disk full',
      'permanent',
      'away',
      'crash',
      'stop',
      'forget',
      'image',
    ] as const);
    this.note(`fault: ${kind} (${subject.id})`);
    switch (kind) {
      case 'away':
        host.isAway = !host.isAway;
        break;
      case 'crash':
        host.lose(subject.id);
        break;
      case 'stop':
        host.lose(subject.id, 'shutdown');
        subject.models.push(...subject.models.map((model) => ({ ...model, power: 'SHUTOFF' as const })));
        break;
      case 'forget':
        host.forget(subject.id);
        break;
      case 'image':
        this.vanished.add(this.imageId);
        this.imageId = await uploadImage(this.t, this.cloud);
        break;
      default:
        this.#heal.push(host.failNext({ id: subject.id, kind, when: this.pick(['before', 'after']), times: 1 }));
    }
  }

  /** Our process works on all that is pending, and dies somewhere on the way; not waited for here. */
  work(): void {
    void this.#workOnce(Math.floor(this.random() * 40));
  }

  async #workOnce(stepsToLive: number): Promise<void> {
    const death = reaper(stepsToLive);
    const ids = await this.#reconciler(death)
      .pending(100)
      .catch(() => []);
    await Promise.all(ids.map((id) => this.#reconcile(id, death)));
  }

  /** The loop's promise: one server is never worked on twice at once. */
  #reconcile(id: string, death: Reaper): Promise<void> {
    const running = this.#atWork.get(id);
    if (running) return running;
    const work = this.#reconciler(death)
      .reconcile(id)
      .catch((error) => {
        if (error instanceof Killed) this.note('death');
        else this.note('failure');
      })
      .finally(() => this.#atWork.delete(id));
    this.#atWork.set(id, work);
    return work;
  }

  #reconciler(death: Reaper): Reconciler {
    return mortalReconciler(this.cloud, death, {
      ensure: async (imageId) => {
        if (this.vanished.has(imageId)) throw new NotFound('Image', imageId);
        return '/image';
      },
    });
  }

  /** Nothing fails and nobody dies any more: a few looks have to be enough for everything. */
  async comeToRest(): Promise<void> {
    this.ground.host.isAway = false;
    for (const heal of this.#heal.splice(0)) heal();
    await Promise.all(this.#atWork.values());
    const immortal = reaper(Number.POSITIVE_INFINITY);
    const reconciler = this.#reconciler(immortal);
    const look = async () => {
      const drifted = (await reconciler.sweep?.()) ?? [];
      const ids = new Set([...drifted, ...(await reconciler.pending(100))]);
      for (const id of ids) await reconciler.reconcile(id).catch(() => {});
      return (await this.cloud.db('server_actions').count())[0]?.count;
    };
    for (let looks = 0; looks < 4; looks += 1) await look();
    const before = await look();
    this.t.is(await look(), before, 'a server at rest is left alone');
    this.t.deepEqual(await reconciler.pending(100), [], 'nothing is left to be done');
  }

  /** What was asked for, or an error that tells a person what to do, and that doing it mends. */
  async check(subject: Subject): Promise<void> {
    const { t, ground, cloud } = this;
    const { id, models, isDeleted } = subject;
    if (isDeleted) {
      await cloud.as('member').get(`/compute/v2.1/servers/${id}`, 404);
      t.false(ground.host.servers.has(id), 'a deleted server has no guest');
      return;
    }
    const shown = await ground.show(id);
    t.is(shown['OS-EXT-STS:task_state'], null, `nothing is being done any more about ${id}, which is ${shown.status}`);
    if (shown.status === 'ERROR') return this.mend(subject, shown.fault?.message);
    const expected = models.find((model) => statusOf(model) === shown.status);
    if (expected === undefined) return t.fail(`${id} is ${shown.status}, and should be ${models.map(statusOf).join()}`);
    const power = ground.host.servers.get(id)?.power;
    if (models.length === 1)
      t.true(powersOf(expected).includes(power), `${id}, ${shown.status}, is ${power} on its host`);
    subject.models = models.filter((model) => statusOf(model) === shown.status);
  }

  /** As a person would, by what the fault says; what was in the way of one thing may hide what is in the way of another. */
  async mend(subject: Subject, message = '', before = ''): Promise<void> {
    this.note('error');
    this.t.regex(message, /\w+ \w+/, 'an error says why');
    this.t.not(message, before, `${subject.id} is still in error`);
    const isImage = /Image/.test(message);
    for (const name of isImage ? ['revert resize', 'rebuild', 'hard reboot'] : ['hard reboot']) {
      await this.act(subject, [name]);
      await this.comeToRest();
    }
    const { status, fault } = await this.ground.show(subject.id);
    if (status === 'ERROR') await this.mend(subject, fault?.message, message);
  }

  async end(): Promise<void> {
    const { t, cloud, ground } = this;
    for (const subject of this.subjects) if (!subject.isDeleted) await this.remove(subject);
    await this.comeToRest();
    await cloud.settle();
    t.is(ground.host.servers.size, 0, 'no guest is left');
    const shelved = await cloud.db('images').where('name', 'like', '%-shelved').whereNot({ status: 'deleted' });
    t.deepEqual(shelved, [], 'no image of a shelved server is left');
    for (const table of ['servers', 'compute_claims', 'ports'])
      t.deepEqual(await cloud.db(table).select(), [], `nothing is left in ${table}`);
    t.deepEqual(await cloud.db('server_actions').whereNull('finished_at'), [], 'no action is open');
  }
}

for (const seed of seeds)
  test(`whatever befalls servers, none is stuck and nothing stays behind (seed ${seed}, ${steps} steps)`, async (t) => {
    const cloud = await startTestCloud(t);
    const ground = await prepareCompute(t, cloud);
    const flavor = { id: 'more', name: 'more', ram: 128, vcpus: 1, disk: 1 };
    await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
    const sequence = new Sequence(t, cloud, ground, seed);
    try {
      for (let step = 0; step < steps; step += 1) {
        await sequence.step();
        sequence.work();
        if (step % 20 !== 19) continue;
        await sequence.comeToRest();
        for (const subject of sequence.subjects) await sequence.check(subject);
      }
      await sequence.end();
    } catch (error) {
      t.log(sequence.story.join('\n'));
      throw error;
    }
    t.log(Object.fromEntries(sequence.counts));
  });
