import type { HostFacts, ObservedGuest, ServerDriver, ServerPower, ServerSpec } from '../driver.ts';
import { isActive, SimulatedGuestDriver } from './guest-driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

/** Servers of a simulated host. Each boot writes the line `booted` to the console; going on after a pause does not. */
export class SimulatedServerDriver extends SimulatedGuestDriver<ServerSpec> implements ServerDriver {
  constructor(host: SimulatedHost) {
    super(host, host.servers, 'Server');
  }

  override power(spec: ServerSpec, wanted: ServerPower, options: { graceSeconds?: number } = {}): Promise<void> {
    if (wanted === 'running' || wanted === 'shutdown') return super.power(spec, wanted, options);
    return this.perform('power', spec.id, () => {
      const guest = this.get(spec.id);
      if (guest.power === wanted || (wanted === 'suspended' && !isActive(guest))) return;
      if (wanted === 'paused' && !isActive(guest)) this.start(guest);
      guest.power = wanted;
      this.host.changed(spec.id);
    });
  }

  reboot(spec: ServerSpec, kind: 'soft' | 'hard' = 'soft'): Promise<void> {
    return this.perform('reboot', spec.id, () => {
      const guest = this.get(spec.id);
      if (kind === 'hard') guest.spec = structuredClone(spec);
      this.#boot(guest);
    });
  }

  consoleOutput(id: string, lines?: number): Promise<string> {
    return this.perform('consoleOutput', id, () => {
      const all = this.find(id)?.output.split('\n').slice(0, -1) ?? [];
      const wanted = lines === undefined ? all : all.slice(Math.max(0, all.length - lines));
      return wanted.map((line) => `${line}\n`).join('');
    });
  }

  hostFacts(): Promise<HostFacts> {
    return this.perform('hostFacts', undefined, () => ({ ...this.host.facts }));
  }

  protected override start(guest: SimulatedGuest<ServerSpec>): void {
    if (guest.power === 'paused' || guest.power === 'suspended') {
      guest.power = 'running'; // it goes on where it was
      this.host.changed(guest.spec.id);
    } else this.#boot(guest);
  }

  #boot(guest: SimulatedGuest<ServerSpec>): void {
    guest.power = 'running';
    guest.output += 'booted\n';
    this.host.changed(guest.spec.id);
  }

  protected override view(id: string, { power, exitCode }: SimulatedGuest<ServerSpec>): ObservedGuest {
    return { id, power, ...(power === 'shutdown' && exitCode === 0 && { stoppedItself: true }) };
  }
}
