/** What simulated servers and containers share. */
import { NotFound, Unavailable } from '../../../common/errors.ts';
import type { GuestDriver, ObservedGuest } from '../driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

export abstract class SimulatedGuestDriver<Spec extends { id: string }> implements GuestDriver<Spec> {
  protected readonly host: SimulatedHost;
  readonly #guests: Map<string, SimulatedGuest<Spec>>;
  readonly #resource: string;
  readonly #unsubscribe = new Set<() => void>();
  #isClosed = false;

  constructor(host: SimulatedHost, guests: Map<string, SimulatedGuest<Spec>>, resource: string) {
    this.host = host;
    this.#guests = guests;
    this.#resource = resource;
  }

  list(): Promise<ObservedGuest[]> {
    return this.perform('list', undefined, () => [...this.#guests].map(([id, guest]) => this.view(id, guest)));
  }

  observe(id: string): Promise<ObservedGuest | undefined> {
    return this.perform('observe', id, () => {
      const guest = this.#guests.get(id);
      return guest && this.view(id, guest);
    });
  }

  ensure(spec: Spec): Promise<void> {
    return this.perform('ensure', spec.id, () => {
      const guest = this.#guests.get(spec.id);
      if (guest !== undefined && isActive(guest)) return this.changeRunning(guest, spec);
      if (guest?.power === 'suspended') return;
      this.prepare(spec);
      if (guest === undefined) {
        this.#guests.set(spec.id, { spec: structuredClone(spec), power: 'shutdown', output: '', exitCode: null });
      } else {
        guest.spec = structuredClone(spec);
      }
    });
  }

  power(
    spec: Pick<Spec, 'id'>,
    wanted: 'running' | 'shutdown',
    options: { graceSeconds?: number } = {},
  ): Promise<void> {
    return this.perform('power', spec.id, () => {
      const guest = this.get(spec.id);
      if (wanted === 'running' && guest.power !== 'running') this.start(guest);
      if (wanted === 'shutdown' && (isActive(guest) || guest.power === 'suspended')) {
        this.host.lastGraceSeconds = options.graceSeconds;
        // One that does not obey has its power cut in the end; nobody waits for a simulated grace.
        this.stopped(guest, this.host.guestsObey && options.graceSeconds !== 0);
      }
    });
  }

  remove(id: string): Promise<void> {
    return this.perform('remove', id, () => {
      if (this.#guests.delete(id)) this.host.changed(id);
    });
  }

  onChange(listener: (id: string) => void): () => void {
    // As engines do, it tells of its own kind of guests alone.
    const others: ReadonlyMap<string, unknown> = this.#resource === 'Server' ? this.host.containers : this.host.servers;
    const stop = this.host.onChange((id) => {
      if (!others.has(id)) listener(id);
    });
    this.#unsubscribe.add(stop);
    return () => {
      this.#unsubscribe.delete(stop);
      stop();
    };
  }

  check(): Promise<void> {
    return this.perform('check', undefined, () => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#unsubscribe) stop();
    this.#unsubscribe.clear();
  }

  /** Throws what keeps the guest from being made. */
  protected prepare(_spec: Spec): void {}
  /** What can be changed of one that is not shut down. */
  protected changeRunning(_guest: SimulatedGuest<Spec>, _spec: Spec): void {}
  protected abstract start(guest: SimulatedGuest<Spec>): void;
  protected abstract view(id: string, guest: SimulatedGuest<Spec>): ObservedGuest;

  protected get(id: string): SimulatedGuest<Spec> {
    const guest = this.#guests.get(id);
    if (guest === undefined) throw new NotFound(this.#resource, id);
    return guest;
  }

  protected find(id: string): SimulatedGuest<Spec> | undefined {
    return this.#guests.get(id);
  }

  protected stopped(guest: SimulatedGuest<Spec>, cleanly: boolean): void {
    guest.power = 'shutdown';
    guest.exitCode = cleanly ? 0 : 137;
    this.host.changed(guest.spec.id);
  }

  protected async perform<T>(call: string, id: string | undefined, work: () => T): Promise<T> {
    if (this.#isClosed) throw new Unavailable('The driver was closed.');
    return this.host.perform(call, id, work);
  }
}

export function isActive({ power }: { power: string }): boolean {
  return power === 'running' || power === 'paused';
}
