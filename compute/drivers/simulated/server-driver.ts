import type { HostFacts, ObservedGuest, ServerDriver, ServerSpec } from '../driver.ts';
import { SimulatedGuestDriver } from './guest-driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

/** Servers of a simulated host. Each boot writes the line `booted` to the console. */
export class SimulatedServerDriver extends SimulatedGuestDriver<ServerSpec> implements ServerDriver {
  constructor(host: SimulatedHost) {
    super(host, host.servers, 'Server');
  }

  reboot(spec: ServerSpec): Promise<void> {
    return this.perform('reboot', spec.id, () => this.start(this.get(spec.id)));
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
    guest.power = 'running';
    guest.output += 'booted\n';
    this.host.changed(guest.spec.id);
  }

  protected override view(id: string, { power, exitCode }: SimulatedGuest<ServerSpec>): ObservedGuest {
    return { id, power, ...(power === 'shutdown' && exitCode === 0 && { stoppedItself: true }) };
  }
}
