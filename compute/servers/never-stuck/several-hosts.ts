/** One sequence of what may befall servers of several hosts; `several-hosts.test.ts` says how long it is and by which seed. */
import type { ExecutionContext } from 'ava';
import { type Answer, asking } from '../../../tests/cloud.ts';
import { defaultScheduling } from '../../scheduler/scheduling.ts';
import { type Ground, type TestCloud, uploadImage } from '../../testing.ts';
import { drainHost } from '../moves/drain.ts';
import type { MortalHost } from './agents.ts';
import { differences } from './books.ts';
import { Disasters } from './disasters.ts';
import { type Model, newborn, powersOf, type Subject, statusOf, withAccepted } from './model.ts';
import { pickWith } from './random-numbers.ts';
import { askedOfSeveralHosts as known } from './several-hosts-actions.ts';

const servers = '/compute/v2.1/servers';
const most = 6;

/** Beside its state: what is the same whatever happens to its hosts. */
export interface Labelled extends Subject {
  ports: Set<string>;
  metadata: Record<string, string>;
  tags: string[];
  isLocked: boolean;
}

export interface SequenceOptions {
  cloud: TestCloud;
  ground: Ground;
  hosts: MortalHost[];
  networkId: string;
  imageId: string;
  /** Deleted servers are kept for a while. */
  keepsDeleted: boolean;
  random: () => number;
  story: string[];
}

/** What may be in the way of something that was asked for in the right state. */
const refusals =
  /No valid host|must change flavor|is still in use|is gone|cannot go to|cannot become|could not be found|is not in use|has no port|not associated|already associated|Unable to find|takes no servers|is unavailable at this time/;

export class Sequence {
  readonly t: ExecutionContext;
  readonly cloud: TestCloud;
  readonly ground: Ground;
  readonly hosts: MortalHost[];
  readonly subjects: Labelled[] = [];
  readonly #options: SequenceOptions;
  readonly #random: () => number;
  readonly #pick: ReturnType<typeof pickWith>;
  readonly #disasters: Disasters;
  /** Of those who wait for what their guest says. */
  readonly #waiting: Promise<unknown>[] = [];
  /** Of agents that nobody has waited for. */
  readonly #working: Promise<unknown>[] = [];

  constructor(t: ExecutionContext, options: SequenceOptions) {
    this.t = t;
    this.cloud = options.cloud;
    this.ground = options.ground;
    this.hosts = options.hosts;
    this.#options = options;
    this.#random = options.random;
    this.#pick = pickWith(options.random);
    this.#disasters = new Disasters(options.hosts, options.cloud, this.#pick, options.imageId);
  }

  get story(): string[] {
    return this.#options.story;
  }

  note(what: string): void {
    this.story.push(what);
  }

  /** To be called before the next rest. */
  heal = (how: () => void): void => this.#disasters.healBy(how);
  cut = (host: MortalHost): Promise<void> => this.#disasters.cut(host);
  loseImage = (): Promise<void> => this.#disasters.loseImage();

  async step(): Promise<unknown> {
    const alive = this.subjects.filter(({ isDeleted }) => !isDeleted);
    const dice = this.#random();
    if (alive.length === 0 || (dice < 0.08 && alive.length < most)) return this.create();
    const subject = this.#pick(alive);
    if (dice < 0.11) return this.remove(subject);
    if (dice < 0.27) return this.#disaster(subject);
    if (dice < 0.39) return this.#label(subject);
    if (dice < 0.42) return this.#drain();
    const name = this.#wish(subject);
    await this.act(subject, dice < 0.85 ? [name] : [name, dice < 0.9 ? name : this.#wish(subject)]);
  }

  /** Mostly what makes sense, for things to happen; else anything. */
  #wish({ models: [model] }: Subject): string {
    const status = model && statusOf(model);
    const sensible = Object.keys(known).filter((name) => known[name]?.when.includes(status ?? ''));
    return this.#pick(this.#random() < 0.75 && sensible.length > 0 ? sensible : Object.keys(known));
  }

  async create(): Promise<Labelled> {
    const { networkId } = this.#options;
    const flavorRef = this.#pick(['tiny', 'grow']);
    const imageRef = await this.#image();
    const id = await this.ground.createServer({ flavorRef, imageRef, networks: [{ uuid: networkId }] });
    const ports = new Set<string>(await this.cloud.db('ports').where({ attached_to: id }).pluck('id'));
    const models = [{ ...newborn, flavor: flavorRef }];
    const subject = { id, models, isDeleted: false, ports, metadata: {}, tags: [], isLocked: false };
    this.subjects.push(subject);
    this.note(`create: ${id}`);
    return subject;
  }

  /** One that is there; what servers stand on may be gone. */
  async #image(): Promise<string> {
    const { imageId, isGone } = this.#disasters;
    if (!isGone) return imageId;
    this.#disasters.imageId = await uploadImage(this.t, this.cloud, { hw_qemu_guest_agent: 'yes' });
    this.#disasters.isGone = false;
    return this.#disasters.imageId;
  }

  async remove(subject: Labelled, isForced = !this.#options.keepsDeleted): Promise<void> {
    const member = this.cloud.as('member');
    if (subject.isLocked) await this.#lock(subject, false);
    if (isForced) await member.post(`${servers}/${subject.id}/action`, { forceDelete: null }, 202);
    else await member.delete(`${servers}/${subject.id}`);
    const { status } = await member.request({ method: 'GET', path: `${servers}/${subject.id}` });
    this.note(`delete: ${subject.id}: ${status}`);
    if (isForced || status === 404) subject.isDeleted = true;
    else subject.models = subject.models.map((model) => ({ ...model, isSoftDeleted: true }));
  }

  /** Asks for one thing, or for several at once. What is accepted holds; what is refused is refused in Nova's shape. */
  async act(subject: Labelled, names: string[]): Promise<void> {
    const imageId = await this.#image();
    const answers = names.map((name) => this.#ask(subject, name, imageId));
    const accepted: string[] = [];
    for (const [index, answer] of answers.entries()) {
      const name = names[index] as string;
      if (name === 'change password') {
        this.#waiting.push(answer); // until its host has come to it; nothing depends on that
        continue;
      }
      const { status, text } = await answer;
      if (status >= 300) continue;
      accepted.push(name);
      this.t.false(subject.isLocked && isKept(name), `${name} of a locked server was accepted: ${text}`);
    }
    subject.models = withAccepted(subject.models, accepted, known);
  }

  async #ask({ id }: Labelled, name: string, imageId: string): Promise<Answer> {
    const action = known[name];
    const persona = this.cloud.as(action?.isForAdmins ? 'admin' : 'member');
    const client = action?.version ? asking(persona, `compute ${action.version}`) : persona;
    const answer = await client.request({
      method: 'POST',
      path: `${servers}/${id}/action`,
      body: action?.body({ imageId }),
    });
    const { status, text } = answer;
    this.note(`${status < 300 ? 'accepted' : 'refused'}: ${name} of ${id}: ${status} ${status < 300 ? '' : text}`);
    this.t.true(status < 300 || status === 409 || refusals.test(text), `${name}: ${status} ${text}`);
    return answer;
  }

  async #label(subject: Labelled): Promise<void> {
    const member = this.cloud.as('member');
    const path = `${servers}/${subject.id}`;
    const kind = this.#pick(['attach', 'detach', 'delete port', 'metadata', 'tags', 'lock', 'event'] as const);
    const [port] = subject.ports;
    const value = String(this.#random());
    let status = 0;
    const ask = async (method: string, where: string, body?: object) => {
      const newest = asking(member, 'compute 2.26');
      const answer = await newest.request({ method, path: where, ...(body && { body }) });
      status = answer.status;
      this.t.true([200, 202, 204, 409].includes(status), `${kind}: ${answer.text}`);
      return answer;
    };
    switch (kind) {
      case 'attach': {
        const interfaceAttachment = { net_id: this.#options.networkId };
        const { body } = await ask('POST', `${path}/os-interface`, { interfaceAttachment });
        if (status === 200) subject.ports.add(body.interfaceAttachment.port_id);
        break;
      }
      case 'detach':
        if (port === undefined) return;
        await ask('DELETE', `${path}/os-interface/${port}`);
        if (status === 202) subject.ports.delete(port);
        break;
      case 'delete port':
        if (port === undefined) return;
        await ask('DELETE', `/network/v2.0/ports/${port}`);
        if (status === 204) subject.ports.delete(port);
        break;
      case 'metadata':
        await ask('PUT', `${path}/metadata`, { metadata: { value } });
        if (status === 200) subject.metadata = { value };
        break;
      case 'tags':
        await ask('PUT', `${path}/tags`, { tags: [value] });
        if (status === 200) subject.tags = [value];
        break;
      case 'lock':
        await this.#lock(subject, !subject.isLocked);
        break;
      case 'event': {
        const event = { name: 'network-changed', server_uuid: subject.id };
        const events = '/compute/v2.1/os-server-external-events';
        const answer = await this.cloud
          .as('admin')
          .request({ method: 'POST', path: events, body: { events: [event] } });
        status = answer.status;
      }
    }
    this.note(`${kind}: ${subject.id}: ${status}`);
  }

  async #lock(subject: Labelled, isLocked: boolean): Promise<void> {
    await this.cloud
      .as('member')
      .post(`${servers}/${subject.id}/action`, isLocked ? { lock: null } : { unlock: null }, 202);
    subject.isLocked = isLocked;
  }

  async #drain(): Promise<void> {
    const { name } = this.#pick(this.hosts);
    const { left, moving } = await drainHost({ db: this.cloud.db, scheduling: defaultScheduling }, name);
    this.note(`drain: ${name}: ${left}, ${moving} moving`);
    // Of which nobody is told: each may have been asked to go, and what went because of an earlier drain is confirmed.
    for (const subject of this.subjects)
      subject.models = subject.models.flatMap((model) => [
        model,
        ...withAccepted([model], ['migrate'], known),
        ...(model.isResized ? withAccepted([model], ['confirm resize'], known) : []),
      ]);
  }

  async #disaster(subject: Labelled): Promise<void> {
    const what = await this.#disasters.strike(subject.id);
    this.note(`disaster: ${what} (${subject.id})`);
    if (what.startsWith('its guest stops'))
      subject.models.push(...subject.models.map((model) => ({ ...model, power: 'SHUTOFF' as const })));
  }

  /** All agents look at what is pending, and die somewhere on the way; waited for now and then, or when that is said. */
  async work(isWaitedFor = this.#random() < 0.4): Promise<void> {
    const works = this.hosts.map((host) =>
      host.work(Math.floor(this.#random() ** 2 * 250), { alsoSweeps: this.#random() < 0.1 }),
    );
    if (isWaitedFor) await Promise.all(works);
    else this.#working.push(...works);
  }

  /** Nothing fails and nobody dies any more: a few looks have to be enough for everything. */
  async comeToRest(): Promise<void> {
    await Promise.all(this.#working.splice(0)); // or one of them would bring a mortal back to life
    await this.#disasters.end();
    let before = '';
    for (let looks = 0; looks < 15; looks += 1) {
      await Promise.all(this.hosts.map((host) => host.work(Number.POSITIVE_INFINITY, { alsoSweeps: looks > 0 })));
      const now = await this.#fingerprint();
      if (now === before) break;
      before = now;
    }
    await Promise.all(this.#waiting.splice(0));
    this.t.is(await this.#fingerprint(), before, 'servers at rest are left alone');
  }

  async #fingerprint(): Promise<string> {
    const { db } = this.cloud;
    const rows = await db('servers')
      .orderBy('id')
      .select('id', 'revision', 'settled_revision', 'host_id', 'observed_power', 'observed_ports', 'move');
    const moves = await db('server_migrations').orderBy('number').select('number', 'status');
    const left = await db('server_migrations').select(
      db.raw('count(*) filter (where source_to_clear or destination_to_clear or source_kept) as left'),
    );
    return JSON.stringify([rows, moves, left, await db('server_actions').count(), await openActions(db)]);
  }

  async checkAll(): Promise<void> {
    const statuses = new Map<string, string>();
    for (const subject of this.subjects) await this.#check(subject);
    for (const { id, isDeleted } of this.subjects)
      if (!isDeleted) statuses.set(id, (await this.ground.show(id)).status);
    const hosts = new Map(this.hosts.map(({ name, host }) => [name, host]));
    this.t.deepEqual(await differences(this.cloud.db, hosts, statuses), []);
    await this.#checkQuota();
    await this.#write(statuses);
  }

  /** What was asked for, or an error that tells a person what to do, and that doing it mends. */
  async #check(subject: Labelled): Promise<void> {
    const { t, ground, cloud } = this;
    const { id, models, isDeleted } = subject;
    if (isDeleted) {
      await cloud.as('member').get(`${servers}/${id}`, 404);
      return;
    }
    const shown = await ground.show(id);
    t.is(shown['OS-EXT-STS:task_state'], null, `nothing is being done any more about ${id}, which is ${shown.status}`);
    if (shown.status === 'ERROR') return this.#mend(subject, shown.fault?.message);
    const { host, disk } = await this.#placeOf(id);
    const isAsShown = (model: Model) =>
      statusOf(model) === shown.status &&
      model.flavor === (shown.flavor as { id: string }).id &&
      (disk === undefined || model.isShelved || model.written === null || disk.includes(model.written));
    subject.models = models.filter(isAsShown);
    const [expected] = subject.models;
    if (expected === undefined)
      return t.fail(`${id} is ${JSON.stringify([shown.status, shown.flavor, disk])}, not ${JSON.stringify(models)}`);
    const power = host?.host.servers.get(id)?.power;
    t.true(
      subject.models.some((model) => powersOf(model).includes(power)),
      `${id}, ${shown.status}, is ${power} on ${host?.name}`,
    );
    const labels = asking(cloud.as('member'), 'compute 2.26');
    const { server } = await labels.get(`${servers}/${id}`);
    t.deepEqual([server.metadata, server.tags, server.locked], [subject.metadata, subject.tags, subject.isLocked]);
    const ports = await cloud.db('ports').where({ attached_to: id }).whereNull('deletion_requested_at').pluck('id');
    t.deepEqual(ports.sort(), [...subject.ports].sort());
  }

  /** Its host, and what is on its disk there. */
  async #placeOf(id: string): Promise<{ host?: MortalHost; key: string; disk?: string }> {
    const row = await this.cloud
      .db('servers')
      .leftJoin('compute_hosts', 'compute_hosts.id', 'servers.host_id')
      .where('servers.id', id)
      .first('compute_hosts.name', 'servers.disk_generation');
    const host = this.hosts.find(({ name }) => name === row?.name);
    const key = `${id} ${row?.disk_generation}`;
    return { host, key, disk: host?.host.disks.get(key)?.toString() };
  }

  /** As a person would, by what the fault says; what was in the way of one thing may hide what is in the way of another. */
  async #mend(subject: Labelled, message = '', before = ''): Promise<void> {
    this.note(`error: ${subject.id}: ${message}`);
    this.t.regex(message, /\w+ \w+/, 'an error says why');
    if (/No valid host/.test(message)) return this.remove(subject).then(() => this.comeToRest());
    this.t.not(message, before, `${subject.id} is still in error`);
    const isImage = /Image/.test(message);
    if (subject.isLocked) await this.#lock(subject, false);
    for (const name of isImage ? ['revert resize', 'unrescue', 'rebuild', 'hard reboot'] : ['hard reboot']) {
      await this.act(subject, [name]);
      await this.comeToRest();
    }
    const { status, fault } = await this.ground.show(subject.id);
    if (status === 'ERROR') await this.#mend(subject, fault?.message, message);
    else await this.#check(subject);
  }

  /** The project has in use what its servers are, the larger of two sizes where it can still go back. */
  async #checkQuota(): Promise<void> {
    const memory: Record<string, number> = { tiny: 64, more: 128, large: 600, grow: 64, grown: 128 };
    const alive = this.subjects.filter(({ isDeleted }) => !isDeleted);
    const { limits } = await this.cloud.as('member').get('/compute/v2.1/limits');
    const ram = alive.map(({ models: [model] }) =>
      Math.max(memory[model?.flavor ?? ''] ?? 0, memory[(model?.isResized && model.before?.flavor) || ''] ?? 0),
    );
    this.t.is(limits.absolute.totalInstancesUsed, alive.length);
    this.t.is(
      limits.absolute.totalRAMUsed,
      ram.reduce((sum, one) => sum + one, 0),
    );
  }

  /** Guests that run write something, which has to be there afterwards. */
  async #write(statuses: ReadonlyMap<string, string>): Promise<void> {
    for (const subject of this.subjects) {
      if (!['ACTIVE', 'VERIFY_RESIZE'].includes(statuses.get(subject.id) ?? '')) continue;
      const { host, key } = await this.#placeOf(subject.id);
      if (host?.host.servers.get(subject.id)?.power !== 'running') continue;
      const written = `written ${this.#random()}`;
      host.host.disks.set(key, Buffer.from(written));
      subject.models = subject.models.map((model) => ({ ...model, written }));
    }
  }

  async end(): Promise<void> {
    const { t, cloud } = this;
    for (const subject of this.subjects) if (!subject.isDeleted) await this.remove(subject, true);
    await this.comeToRest();
    for (const { name, host } of this.hosts)
      t.deepEqual([host.servers.size, host.disks.size, host.arriving.size], [0, 0, 0], `nothing is left on ${name}`);
    const member = cloud.as('member');
    const { images } = await member.get('/image/v2/images?name=kept');
    for (const { id, status } of images) {
      t.is(status, 'active', 'an image is whole, or gone');
      await member.delete(`/image/v2/images/${id}`);
    }
    const hosts = new Map(this.hosts.map(({ name, host }) => [name, host]));
    t.deepEqual(await differences(cloud.db, hosts, new Map()), []);
    await cloud.settle();
    for (const table of ['servers', 'compute_claims', 'ports'])
      t.deepEqual(await cloud.db(table).select(), [], `nothing is left in ${table}`);
    t.deepEqual(await openActions(cloud.db), [], 'no action is open');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#working.splice(0));
    for (const host of this.hosts) await host.kill();
  }
}

function openActions(db: TestCloud['db']) {
  return db('server_actions').whereNull('finished_at').select('number', 'action', 'server_id');
}

/** What a lock keeps users from (nova/compute/api.py, `check_instance_lock`). */
function isKept(name: string): boolean {
  const free = [
    'confirm resize',
    'revert resize',
    'create image',
    'create backup',
    'restore',
    'add group',
    'remove group',
  ];
  return known[name]?.isForAdmins !== true && !free.includes(name);
}
