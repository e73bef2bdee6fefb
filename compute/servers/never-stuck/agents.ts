/** Hosts whose agents die and come back, and that go down themselves; between them the road is real. */
import { join } from 'node:path';
import { NotFound } from '../../../common/errors.ts';
import { createLogger } from '../../../common/logger.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import type { Secret } from '../../../common/secret.ts';
import { diskSizeOfImage } from '../../../image/images/use.ts';
import { openFileStore } from '../../../image/stores/files/files.ts';
import { singleStore } from '../../../image/stores/stores.ts';
import type { SimulatedHost } from '../../drivers/simulated/host.ts';
import { SimulatedServerDriver } from '../../drivers/simulated/server-driver.ts';
import { heartbeatReconciler } from '../../hosts/heartbeat.ts';
import { hostLease } from '../../hosts/lease.ts';
import type { HostImageCache } from '../../image-cache/cache.ts';
import { hostImageRecords } from '../../image-cache/store.ts';
import { noVendors } from '../../metadata/vendor-data.ts';
import { Killed, mortal, mortalDatabase, type Reaper, reaper } from '../../mortal.ts';
import { defaultScheduling } from '../../scheduler/scheduling.ts';
import type { TestCloud } from '../../testing.ts';
import { arrivals } from '../moves/arrivals.ts';
import { moveReconciler } from '../moves/reconciler.ts';
import { type Listening, listenForMoves } from '../moves/road.ts';
import { serverReconciler, specOf } from '../reconciler.ts';

/** One process, from its start to its death. */
interface Life {
  death: Reaper;
  reconcilers: Reconciler[];
  heartbeat: Reconciler;
  lease: Reconciler;
  listening: Listening;
}

export interface AgentOptions {
  cloud: TestCloud;
  master: Secret;
  reclaimSeconds: number;
  shelvedOffloadSeconds: number;
  /** Hears of `death` and `failure`. */
  note(what: string): void;
}

const log = createLogger('silent');

export class MortalHost {
  readonly name: string;
  readonly host: SimulatedHost;
  /** No power, or no network: its agent does nothing, and nobody hears of it. */
  isDown = false;
  /** Whose copies it has, across all lives. */
  readonly images = new Set<string>();
  readonly #options: AgentOptions;
  readonly #atWork = new Map<string, Promise<void>>();
  #life: Promise<Life> | undefined;
  #ending: Promise<void> | undefined;

  constructor(name: string, host: SimulatedHost, options: AgentOptions) {
    this.name = name;
    this.host = host;
    this.#options = options;
  }

  /** Looks at all that is pending; a process that has died meanwhile is followed by one that lives for so many steps. */
  async work(stepsToLive: number, { alsoSweeps = false } = {}): Promise<void> {
    if (this.isDown) return;
    if ((await this.#life)?.death.isDead()) await this.kill();
    await this.#ending;
    if (this.isDown) return;
    this.#life ??= this.#begin(stepsToLive);
    const { heartbeat, lease, reconcilers } = await this.#life;
    await heartbeat.reconcile(this.name).catch((error) => this.#failed(error));
    await lease.reconcile(this.name).catch((error) => this.#failed(error));
    await Promise.all(
      reconcilers.map(async (reconciler) => {
        const swept = alsoSweeps && reconciler.sweep ? await reconciler.sweep().catch(() => []) : [];
        const pending = await reconciler.pending(100).catch(() => []);
        await Promise.all([...new Set([...swept, ...pending])].map((id) => this.#reconcile(reconciler, id)));
      }),
    );
  }

  /** The process ends now, and so does what it was about. */
  async kill(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (life !== undefined) this.#ending = this.#end(life);
    await this.#ending;
  }

  /** One object is never worked on twice at once. */
  #reconcile(reconciler: Reconciler, id: string): Promise<void> {
    const key = `${reconciler.name} ${id}`;
    const running = this.#atWork.get(key);
    if (running !== undefined) return running;
    const work = reconciler
      .reconcile(id)
      .catch((error) => this.#failed(error))
      .finally(() => this.#atWork.delete(key));
    this.#atWork.set(key, work);
    return work;
  }

  #failed(error: unknown): void {
    this.#options.note(error instanceof Killed ? `death: ${this.name}` : `failure: ${(error as Error).message}`);
  }

  async #end(life: Promise<Life>): Promise<void> {
    const { death, listening } = await life;
    death.kill();
    await listening.stop();
    await Promise.all(this.#atWork.values());
  }

  async #begin(stepsToLive: number): Promise<Life> {
    const { cloud, master, reclaimSeconds, shelvedOffloadSeconds } = this.#options;
    const hostName = this.name;
    const death = reaper(stepsToLive);
    const db = mortalDatabase(cloud.db, death);
    const driver = mortal(new SimulatedServerDriver(this.host), death);
    const cache = this.#cache();
    const common = { db, log, driver, cache, hostName, master };
    const forSpecs = { db, log, cache, vendors: noVendors };
    const coming = arrivals({
      ...common,
      specOf: (server, signal) => specOf(forSpecs, server, signal),
    });
    const listening = await listenForMoves('127.0.0.1:0', master, log, async (moveId, question) => {
      death.step();
      return coming.answer(moveId, question);
    });
    const images = {
      db: cloud.db,
      log,
      region: cloud.config.region,
      stores: singleStore(openFileStore(join(cloud.config.dataDir, 'images'))),
      inspection: { virtualSizeBytes: 2 ** 40 },
      imageSizeCap: 2 ** 40,
    };
    return {
      death,
      listening,
      heartbeat: heartbeatReconciler({
        ...common,
        allocation: defaultScheduling.allocation,
        migrationAddress: () => listening.address,
        downAfterSeconds: 30,
        onEngineBack: async () => undefined, // all of them are looked at again and again
      }),
      lease: hostLease({ ...common, downAfterSeconds: 30, resumesOnBoot: true }).reconciler,
      reconcilers: [
        serverReconciler({ ...common, reclaimSeconds, shelvedOffloadSeconds, vendors: noVendors, images }),
        moveReconciler({ ...common, arrivals: coming, confirmSeconds: 0 }),
      ],
    };
  }

  /** Brings what the image service has, keeps what it brought, and writes that down, as the real one does; without data. */
  #cache(): Pick<HostImageCache, 'ensure' | 'copyOf' | 'take'> {
    const { db } = this.#options.cloud;
    const records = hostImageRecords(db, this.name, 'disk');
    return {
      ensure: async (imageId) => {
        if (!this.images.has(imageId)) {
          if ((await diskSizeOfImage(db, imageId)) === undefined) throw new NotFound('Image', imageId);
          this.images.add(imageId);
        }
        await records.placed(imageId, 1);
        return '/image';
      },
      copyOf: async () => undefined, // what the image service has lost goes nowhere
      take: async () => undefined,
    };
  }

  /** Somebody has removed its copies. */
  async loseImages(): Promise<void> {
    this.images.clear();
    await hostImageRecords(this.#options.cloud.db, this.name, 'disk').keep([], new Set());
  }
}
