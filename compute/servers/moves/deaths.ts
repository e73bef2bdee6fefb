/** For tests: agents of hosts between which servers go, in processes that are killed. */
import { createLogger } from '../../../common/logger.ts';
import type { Reconciler } from '../../../common/reconcile/loop.ts';
import { readMasterKey } from '../../../identity/tokens/keys.ts';
import type { UploadDeps } from '../../../image/images/uploads.ts';
import type { ServerDriver } from '../../drivers/driver.ts';
import { noVendors } from '../../metadata/vendor-data.ts';
import { Killed, mortal, mortalDatabase, type Reaper, reaper } from '../../mortal.ts';
import { serverReconciler } from '../reconciler.ts';
import { moveReconciler } from './reconciler.ts';
import type { TwoHosts } from './testing.ts';

export interface MortalAgent {
  servers: Reconciler;
  moves: Reconciler;
}

/** One that is killed when the reaper says so. */
export async function mortalAgent(
  { cloud }: TwoHosts,
  hostName: string,
  driver: ServerDriver,
  death: Reaper,
  isComing: () => boolean = () => false,
): Promise<MortalAgent> {
  const common = {
    db: mortalDatabase(cloud.db, death),
    driver: mortal(driver, death),
    log: createLogger('silent'),
    cache: { ensure: async () => '/image', copyOf: async () => undefined },
    hostName,
    master: await readMasterKey(`${cloud.config.dataDir}/master.key`),
  };
  const images = {} as UploadDeps; // none is made here
  return {
    servers: serverReconciler({
      ...common,
      images,
      reclaimSeconds: 0,
      shelvedOffloadSeconds: 0,
      vendors: noVendors,
    }),
    moves: moveReconciler({ ...common, arrivals: { isComing }, confirmSeconds: 0 }),
  };
}

/** After so many steps, or in that call of the driver: before its work is done, or after. */
export type Moment = number | { call: keyof ServerDriver; when: 'before' | 'after' };

/** Has the agent of a host work on a server and its moves until it is killed; true when it was not. */
export async function workUntilKilled(two: TwoHosts, hostName: string, id: string, moment: Moment): Promise<boolean> {
  const real = hostName === 'host-1' ? two.cloud.drivers.servers : two.second.driver;
  const { death, driver } =
    typeof moment === 'number' ? { death: reaper(moment), driver: real } : dyingIn(real, moment);
  const { servers, moves } = await mortalAgent(two, hostName, driver, death);
  try {
    await servers.reconcile(id);
    for (const moveId of await moves.pending(10)) await moves.reconcile(moveId);
    return !death.isDead();
  } catch (error) {
    if (!(error instanceof Killed) && !death.isDead()) throw error;
    return false;
  }
}

function dyingIn(real: ServerDriver, { call, when }: Exclude<Moment, number>) {
  const death = reaper(Number.POSITIVE_INFINITY);
  const driver = new Proxy(real, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      if (name !== call) return method.bind(target);
      return async (...args: unknown[]) => {
        if (when === 'after') await method.apply(target, args);
        death.kill();
        death.step();
      };
    },
  });
  return { death, driver };
}

/** Works with a process that dies after ever more steps, a new one each time; gives the number of deaths. */
export async function throughDeaths(two: TwoHosts, hostName: string, id: string): Promise<number> {
  for (let steps = 0; ; steps++) if (await workUntilKilled(two, hostName, id, steps)) return steps;
}
