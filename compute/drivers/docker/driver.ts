import Docker from 'dockerode';
import { Conflict, NotFound, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import type { ContainerDriver, ContainerSpec, ObservedContainer } from '../driver.ts';
import { containerConfig, digestOf, imageDefaults, resources } from './container-config.ts';
import { engineMessage, isLeftByKilledEngine, renamed, statusOf } from './errors.ts';
import { followEvents } from './events.ts';
import { executeIn } from './execute.ts';
import { installGate } from './gate.ts';
import { findImage, listImages, loadImage, removeImage } from './images.ts';
import { type LogOptions, logsOf } from './logs.ts';
import { containerName, digestLabel, idLabel } from './names.ts';
import { connect, isPlugged, keepOnBridge, type PlugOptions, prepare, unplug } from './plug.ts';
import { observed } from './state.ts';
import { Turns } from './turns.ts';
import { judgeVersions, versionsOf } from './version.ts';

export interface DockerDriverOptions extends Partial<PlugOptions> {
  socketPath?: string;
  /** Where the driver keeps files that containers mount; seen by the engine under the same path. */
  stateDirectory: string;
  /** A statically linked busybox; Debian's busybox-static. */
  busybox?: string;
  executeLimitSeconds?: number;
}

const defaultGraceSeconds = 10;

/** Containers of Docker Engine 20.10 or later, with their ports plugged into Open vSwitch. */
export class DockerDriver implements ContainerDriver {
  readonly #docker: Docker;
  readonly #plug: PlugOptions;
  readonly #options: Required<Pick<DockerDriverOptions, 'stateDirectory' | 'busybox' | 'executeLimitSeconds'>>;
  readonly #turns = new Turns();
  readonly #followers = new Set<() => void>();
  #judged = false;
  #closed = false;

  constructor(options: DockerDriverOptions) {
    this.#docker = new Docker({ socketPath: options.socketPath ?? '/var/run/docker.sock', version: 'v1.41' });
    this.#plug = {
      integrationBridge: options.integrationBridge ?? 'br-int',
      userspaceDatapath: options.userspaceDatapath ?? false,
      portReadySeconds: options.portReadySeconds ?? 5,
    };
    this.#options = {
      stateDirectory: options.stateDirectory,
      busybox: options.busybox ?? '/bin/busybox',
      executeLimitSeconds: options.executeLimitSeconds ?? 60,
    };
  }

  async list(): Promise<ObservedContainer[]> {
    const containers = await this.#asking('Containers', 'of this host', () =>
      this.#docker.listContainers({ all: true, filters: { label: [idLabel] } }),
    );
    // The list itself tells neither exit codes nor whether memory ran out.
    const all = await Promise.all(containers.map(({ Labels }) => this.observe(Labels[idLabel]!)));
    return all.filter((container) => container !== undefined);
  }

  async observe(id: string): Promise<ObservedContainer | undefined> {
    const info = await this.#inspect(id);
    return info === undefined ? undefined : observed(info);
  }

  ensure(spec: ContainerSpec): Promise<void> {
    return this.#turns.take(spec.id, async () => {
      const info = await this.#inspect(spec.id);
      if (info === undefined) return this.#create(spec);
      if (observed(info) === undefined) throw new Conflict(`Container ${spec.id} exists and is not ours.`);
      if (info.State.Running) return;
      if (info.Config.Labels[digestLabel] !== digestOf(spec)) {
        await this.#removeContainer(spec.id);
        return this.#create(spec);
      }
      const wanted = resources(spec);
      const { HostConfig: has } = info;
      if (Object.entries(wanted).some(([name, value]) => has[name as keyof typeof has] !== value)) {
        await this.#asking('Container', spec.id, () => this.#container(spec.id).update(wanted));
      }
    });
  }

  power(
    spec: ContainerSpec,
    wanted: 'running' | 'shutdown',
    { graceSeconds = defaultGraceSeconds } = {},
  ): Promise<void> {
    return this.#turns.take(spec.id, () =>
      wanted === 'running' ? this.#run(spec) : this.#stop(spec.id, graceSeconds),
    );
  }

  remove(id: string): Promise<void> {
    return this.#turns.take(id, async () => {
      await this.#removeContainer(id);
      await unplug(id);
    });
  }

  ensureImage(imageId: string, archivePath: string): Promise<void> {
    return this.#turns.take(`image ${imageId}`, () => loadImage(this.#docker, imageId, archivePath));
  }

  listImages(): Promise<string[]> {
    return this.#asking('Images', 'of this host', () => listImages(this.#docker));
  }

  removeImage(imageId: string): Promise<void> {
    return this.#turns.take(`image ${imageId}`, () => removeImage(this.#docker, imageId));
  }

  logs(id: string, options: LogOptions): Promise<string> {
    return logsOf(this.#docker, id, options);
  }

  execute(id: string, command: string[]): Promise<{ output: string; exitCode: number }> {
    return executeIn(this.#docker, id, command, this.#options.executeLimitSeconds);
  }

  async version(): Promise<{ engine: string; runtime: string }> {
    return versionsOf(await this.#asking('The container engine', '', () => this.#docker.version()));
  }

  onChange(listener: (id: string) => void): () => void {
    const end = followEvents(this.#docker, listener);
    this.#followers.add(end);
    return () => {
      end();
      this.#followers.delete(end);
    };
  }

  async check(): Promise<void> {
    if (this.#closed) throw new Unavailable('The container driver is closed.');
    await this.#refuseUnsafe();
    await this.#asking('The container engine', '', () => this.#docker.ping());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#followers) end();
    this.#followers.clear();
  }

  async #create(spec: ContainerSpec): Promise<void> {
    const image = await findImage(this.#docker, spec.imageId);
    if (image === undefined) throw new NotFound('Image', spec.imageId);
    const gateFile = spec.ports.length > 0 ? await this.#gateFile() : '';
    const config = containerConfig(spec, imageDefaults(image), gateFile);
    await this.#asking('Container', spec.id, () => this.#docker.createContainer(config));
  }

  async #run(spec: ContainerSpec): Promise<void> {
    const { id, ports } = spec;
    const info = await this.#inspect(id);
    if (info === undefined) throw new NotFound('Container', id);
    if (info.State.Paused) await this.#asking('Container', id, () => this.#container(id).unpause());
    if (info.State.Running && (await isPlugged(id, ports, info.NetworkSettings.SandboxKey))) {
      return keepOnBridge(this.#plug, id, ports);
    }
    await this.#refuseUnsafe();
    const prepared = prepare(this.#plug, id, ports);
    if (!info.State.Running) {
      if (ports.length > 0) await this.#gateFile();
      // Both to their end, so that no half of a failed start is still at work when this one is tried again.
      const [started] = await Promise.allSettled([this.#start(id), prepared]);
      if (started.status === 'rejected') {
        await unplug(id).catch(() => undefined); // why it did not start matters more, and `remove` does it again
        // An engine that was killed while it started this one never gets beyond what it left: the next try makes it anew.
        if (isLeftByKilledEngine(started.reason)) await this.#removeContainer(id).catch(() => undefined);
        throw started.reason;
      }
    }
    await prepared;
    await this.#connect(spec);
  }

  async #connect({ id, ports }: ContainerSpec): Promise<void> {
    if (ports.length === 0) return;
    const before = await this.#inspect(id);
    // It cannot have come further than the gate; if it has ended there, somebody else has ended it.
    if (!before?.State.Running) return;
    try {
      await connect(this.#plug, id, ports, before.NetworkSettings.SandboxKey);
    } catch (error) {
      const after = await this.#inspect(id);
      if (after?.State.StartedAt === before.State.StartedAt && after.State.Running) throw error;
    }
  }

  async #start(id: string): Promise<void> {
    try {
      await this.#container(id).start();
    } catch (error) {
      if (statusOf(error) === 304) return; // it runs
      throw renamed(error, 'Container', id);
    }
  }

  async #stop(id: string, graceSeconds: number): Promise<void> {
    try {
      await this.#container(id).stop({ t: Math.ceil(graceSeconds) });
    } catch (error) {
      if (statusOf(error) !== 304) throw renamed(error, 'Container', id);
    }
    await unplug(id);
  }

  async #removeContainer(id: string): Promise<void> {
    const info = await this.#inspect(id);
    if (info === undefined || observed(info) === undefined) return;
    try {
      await this.#docker.getContainer(info.Id).remove({ force: true, v: true });
    } catch (error) {
      if (statusOf(error) === 404) return;
      // Somebody else's removal is under way: what counts is that it ends.
      if (statusOf(error) !== 409 || !/removal of container .* is already in progress/.test(engineMessage(error))) {
        throw renamed(error, 'Container', id);
      }
      await this.#docker
        .getContainer(info.Id)
        .wait({ condition: 'removed' })
        .catch(() => undefined);
    }
  }

  async #inspect(id: string): Promise<Docker.ContainerInspectInfo | undefined> {
    try {
      return await this.#container(id).inspect();
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw renamed(error, 'Container', id);
    }
  }

  /** Once is enough: a runtime does not get older while we run. */
  async #refuseUnsafe(): Promise<void> {
    if (this.#judged) return;
    const { allowed, problems } = judgeVersions(await this.version());
    if (!allowed) throw new PermanentFailure(`Containers are not started on this host: ${problems[0]}.`);
    this.#judged = true;
  }

  #gateFile(): Promise<string> {
    return installGate(this.#options.stateDirectory, this.#options.busybox);
  }

  #container(id: string): Docker.Container {
    return this.#docker.getContainer(containerName(id));
  }

  async #asking<T>(resource: string, id: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw renamed(error, resource, id);
    }
  }
}
