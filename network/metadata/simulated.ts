/** Doors in memory: a test asks through one of them as a guest would. */
import type { AnswerMetadata, MetadataAnswer, MetadataDoor, MetadataDriver, MetadataRequest } from './driver.ts';

/** What outlives a process: the doors of one host. */
export class SimulatedDoors {
  /** By network. */
  readonly doors = new Map<string, MetadataDoor>();
  answer: AnswerMetadata | undefined;
  /** Asked before each change; what it returns is thrown instead. */
  fault: (operation: 'open' | 'remove' | 'list', networkId: string | null) => Error | undefined = () => undefined;

  /** As a guest at the address on the network; undefined where nobody answers. */
  async ask(
    request: Pick<MetadataRequest, 'networkId' | 'address' | 'url'> & Partial<MetadataRequest>,
  ): Promise<MetadataAnswer | undefined> {
    if (!this.doors.has(request.networkId)) return undefined;
    return await this.answer?.({ method: 'GET', body: Buffer.alloc(0), ...request });
  }
}

export class SimulatedMetadataDriver implements MetadataDriver {
  readonly #host: SimulatedDoors;
  /** Those that this process answers at: the doors of one before it are found again, not known. */
  readonly #open = new Map<string, MetadataDoor>();

  constructor(host = new SimulatedDoors()) {
    this.#host = host;
  }

  serve(answer: AnswerMetadata): void {
    this.#host.answer = answer;
  }

  isOpen({ networkId, mtu }: MetadataDoor): boolean {
    return this.#open.get(networkId)?.mtu === mtu;
  }

  answered(): string[] {
    return [...this.#open.keys()];
  }

  async open(door: MetadataDoor): Promise<void> {
    this.#before('open', door.networkId);
    this.#host.doors.set(door.networkId, { ...door });
    this.#open.set(door.networkId, { ...door });
  }

  async remove(networkId: string): Promise<void> {
    this.#before('remove', networkId);
    this.#open.delete(networkId);
    this.#host.doors.delete(networkId);
  }

  async list(): Promise<string[]> {
    this.#before('list', null);
    for (const id of this.#open.keys()) if (!this.#host.doors.has(id)) this.#open.delete(id);
    return [...this.#host.doors.keys()];
  }

  async close(): Promise<void> {
    this.#open.clear();
    this.#host.answer = undefined;
  }

  #before(operation: Parameters<SimulatedDoors['fault']>[0], networkId: string | null): void {
    const fault = this.#host.fault(operation, networkId);
    if (fault !== undefined) throw fault;
  }
}
