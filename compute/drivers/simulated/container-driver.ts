import { Conflict, NotFound } from '../../../common/errors.ts';
import type { ContainerDriver, ContainerSpec, ObservedContainer } from '../driver.ts';
import { SimulatedGuestDriver } from './guest-driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

const imageCommand = ['sleep', '3600'];

/**
 * Containers of a simulated host. They know `echo`, `true`, `false` and `sleep`, which never ends; another command runs
 * until it is stopped, and is not found by `execute`. Restart policies are not simulated.
 */
export class SimulatedContainerDriver extends SimulatedGuestDriver<ContainerSpec> implements ContainerDriver {
  constructor(host: SimulatedHost) {
    super(host, host.containers, 'Container');
  }

  override list(): Promise<ObservedContainer[]> {
    return super.list() as Promise<ObservedContainer[]>; // made by `view` below
  }

  override observe(id: string): Promise<ObservedContainer | undefined> {
    return super.observe(id) as Promise<ObservedContainer | undefined>;
  }

  ensureImage(imageId: string, _archivePath: string): Promise<void> {
    return this.perform('ensureImage', imageId, () => void this.host.images.add(imageId));
  }

  listImages(): Promise<string[]> {
    return this.perform('listImages', undefined, () => [...this.host.images]);
  }

  removeImage(imageId: string): Promise<void> {
    return this.perform('removeImage', imageId, () => void this.host.images.delete(imageId));
  }

  logs(id: string, options: Parameters<ContainerDriver['logs']>[1]): Promise<string> {
    return this.perform('logs', id, () => {
      const lines = this.get(id).output.split('\n').slice(0, -1);
      if (!options.stdout) return ''; // nothing simulated writes to standard error
      const wanted = options.tail === 'all' ? lines : lines.slice(Math.max(0, lines.length - options.tail));
      return wanted.map((line) => `${options.timestamps ? `${new Date(0).toISOString()} ` : ''}${line}\n`).join('');
    });
  }

  execute(id: string, command: string[]): Promise<{ output: string; exitCode: number }> {
    return this.perform('execute', id, () => {
      if (this.get(id).power !== 'running') throw new Conflict(`Container ${id} is not running.`);
      return resultOf(command) ?? { output: `${command[0]}: not found\n`, exitCode: 127 };
    });
  }

  version(): Promise<{ engine: string; runtime: string }> {
    return this.perform('version', undefined, () => ({ engine: '20.10.24', runtime: '1.2.8' }));
  }

  protected override prepare({ imageId }: ContainerSpec): void {
    if (!this.host.images.has(imageId)) throw new NotFound('Image', imageId);
  }

  protected override start(guest: SimulatedGuest<ContainerSpec>): void {
    guest.power = 'running';
    guest.exitCode = null;
    const result = resultOf(commandOf(guest));
    if (result !== undefined && commandOf(guest)[0] !== 'sleep') {
      guest.output += result.output;
      guest.exitCode = result.exitCode;
      guest.power = result.exitCode === 0 ? 'shutdown' : 'crashed';
    }
    this.host.changed(guest.spec.id);
  }

  protected override view(id: string, guest: SimulatedGuest<ContainerSpec>): ObservedContainer {
    return { id, power: guest.power, exitCode: guest.exitCode, command: commandOf(guest) };
  }
}

function commandOf({ spec }: SimulatedGuest<ContainerSpec>): string[] {
  return spec.command ?? imageCommand;
}

function resultOf([program, ...words]: string[]): { output: string; exitCode: number } | undefined {
  if (program === 'echo') return { output: `${words.join(' ')}\n`, exitCode: 0 };
  if (program === 'true' || program === 'sleep') return { output: '', exitCode: 0 };
  return program === 'false' ? { output: '', exitCode: 1 } : undefined;
}
