/** What befalls hosts, images and guests while nobody asked for it. */
import type { TestCloud } from '../../testing.ts';
import type { MortalHost } from './agents.ts';
import type { pickWith } from './random-numbers.ts';

export class Disasters {
  /** The newest. */
  imageId: string;
  isGone = false;
  readonly #hosts: MortalHost[];
  readonly #cloud: TestCloud;
  readonly #pick: ReturnType<typeof pickWith>;
  readonly #heal: (() => void)[] = [];

  constructor(hosts: MortalHost[], cloud: TestCloud, pick: ReturnType<typeof pickWith>, imageId: string) {
    this.#hosts = hosts;
    this.#cloud = cloud;
    this.#pick = pick;
    this.imageId = imageId;
  }

  /** One of them, of which some are about this server; gives its name. */
  async strike(id: string): Promise<string> {
    const one = this.#pick(this.#hosts);
    const its = this.#hosts.find(({ host }) => host.servers.has(id)) ?? one;
    switch (this.#pick(kinds)) {
      case 'fails': {
        const kind = this.#pick(['transient', 'disk full', 'permanent', 'unforeseen'] as const);
        const when = this.#pick(['before', 'after'] as const);
        const { name, host } = this.#pick([its, one]);
        this.#heal.push(host.failNext({ id, kind, when, times: 1 }));
        return `${name} fails: ${kind}, ${when}`;
      }
      case 'engine':
        one.host.isAway = !one.host.isAway;
        return `the engine of ${one.name} is ${one.host.isAway ? 'away' : 'back'}`;
      case 'agent':
        await one.kill();
        return `the agent of ${one.name} is killed`;
      case 'power':
        if (one.isDown) await this.#turn(one);
        else await this.cut(one);
        return `${one.name} is ${one.isDown ? 'without power' : 'back'}`;
      case 'network':
        await this.#turn(one);
        return `${one.name} is ${one.isDown ? 'cut off' : 'back'}`;
      case 'forced down': {
        const hosts = this.#cloud.db('compute_hosts').where({ name: one.name });
        await hosts.update({ is_forced_down: this.#cloud.db.raw('not is_forced_down') });
        return `${one.name} is forced down, or no longer`;
      }
      case 'disabled': {
        const hosts = this.#cloud.db('compute_hosts').where({ name: one.name });
        await hosts.update({ is_disabled: this.#cloud.db.raw('not is_disabled') });
        return `${one.name} is disabled, or enabled`;
      }
      case 'crash':
        its.host.lose(id);
        return 'its guest crashes';
      case 'stop':
        its.host.lose(id, 'shutdown');
        return 'its guest stops by itself';
      case 'forget':
        its.host.forget(id);
        return `${its.name} forgets its guest`;
      case 'image':
        await this.loseImage();
        return `the image ${this.imageId} is deleted`;
      case 'copies':
        await one.loseImages();
        return `${one.name} loses its copies of images`;
    }
  }

  /** Its power: its guests are gone with its agent. */
  async cut(host: MortalHost): Promise<void> {
    await this.#turn(host);
    for (const [guest, { power }] of host.host.servers) if (isOn(power)) host.host.lose(guest);
  }

  /** What servers are made of is not there for those to come. */
  async loseImage(): Promise<void> {
    if (!this.isGone) await this.#cloud.as('admin').delete(`/image/v2/images/${this.imageId}`);
    this.isGone = true;
  }

  /** What ends it, at the next rest. */
  healBy(how: () => void): void {
    this.#heal.push(how);
  }

  /** Everybody is there again, and nothing fails. */
  async end(): Promise<void> {
    for (const heal of this.#heal.splice(0)) heal();
    for (const host of this.#hosts) {
      await host.kill();
      host.isDown = false;
      host.host.isAway = false;
    }
    await this.#cloud.db('compute_hosts').update({ is_forced_down: false, is_disabled: false });
  }

  /** One that is down has not been heard of for long. */
  async #turn(host: MortalHost): Promise<void> {
    host.isDown = !host.isDown;
    if (!host.isDown) return;
    await host.kill();
    const long = this.#cloud.db.raw("now() - interval '1 hour'");
    await this.#cloud
      .db('compute_hosts')
      .where({ name: host.name })
      .update({ heartbeat_at: long, agent_seen_at: long });
  }
}

const kinds = [
  'fails',
  'fails',
  'engine',
  'agent',
  'power',
  'power',
  'network',
  'forced down',
  'disabled',
  'crash',
  'stop',
  'forget',
  'image',
  'copies',
] as const;

const isOn = (power: string) => power === 'running' || power === 'paused';
