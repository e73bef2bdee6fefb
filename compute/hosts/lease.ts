/**
 * The lease of a host: its agent may let servers run for so long after it was last written down as alive. An agent that has not
 * renewed it in time (its database is away, it was stopped for a while) starts and makes nothing more; before it has the lease again it
 * stops what was evacuated from here meanwhile.
 */
import { uptime } from 'node:os';
import type { Knex } from '../../common/database/database.ts';
import { Unavailable } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { ServerDriver } from '../drivers/driver.ts';
import { letHostBootStand } from '../servers/host-boot.ts';
import { listLeft } from '../servers/moves/store.ts';
import { listRemains } from '../servers/remains.ts';
import type { Fence } from './guard/fence.ts';
import { findLease, noteUnfenced, renewLease } from './store.ts';

/** It ends so long before the host counts as dead: what stops guests gets by with that. */
const marginSeconds = 5;

export interface LeaseDeps {
  db: Knex;
  log: Logger;
  driver: ServerDriver;
  hostName: string;
  /** Without a sign of life for so long the host is down. */
  downAfterSeconds: number;
  /** Whether servers that ran when the host ended run again once it is back. */
  resumesOnBoot: boolean;
  /** What ends its servers when the lease is over; absent: nothing does. */
  fence?: Fence;
}

export interface HostLease {
  /** Renews it in time. */
  reconciler: Reconciler;
  isHeld(): boolean;
  /** Has it, or throws why not. Of a host that nobody knows yet there is none, and nothing to do. */
  ensure(): Promise<void>;
  /** The agent ends, and its servers run on: nothing is to end them, and nobody to rely on that. */
  release(): Promise<void>;
}

export function hostLease(deps: LeaseDeps): HostLease {
  const { db, log, hostName, downAfterSeconds } = deps;
  const seconds = leaseSeconds(downAfterSeconds);
  let endsAt = Number.NEGATIVE_INFINITY; // in seconds of uptime, which go on while the host is suspended
  const isHeld = () => uptime() < endsAt;
  let fence = deps.fence;
  let renewing: Promise<void> | undefined;
  /** One at a time: whoever asks meanwhile gets the same. */
  const renew = (): Promise<void> => {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
  const renewOnce = async () => {
    const lease = await findLease(db, hostName);
    if (lease === undefined) return;
    const bootId = await deps.driver.bootId();
    if (lease.isOver) await stopWhatLeft(deps);
    if (!deps.resumesOnBoot && lease.bootId !== null && lease.bootId !== bootId) await letHostBootStand(db, hostName);
    const isFenced = await held(fence, log);
    const began = uptime();
    // First here: had the guard more time than is written down, others could start what still runs.
    await renewLease(db, hostName, { bootId, downAfterSeconds, isFenced });
    if (lease.isOver) await stopWhatLeft(deps); // until just now it could still be evacuated
    if (isFenced) await fence?.extend(began + seconds);
    endsAt = began + seconds;
  };
  return {
    isHeld,
    ensure: async () => (isHeld() ? undefined : renew()),
    reconciler: {
      name: 'host-leases',
      async pending() {
        const lease = await findLease(db, hostName);
        return lease !== undefined && (lease.isDue || !isHeld()) ? [hostName] : [];
      },
      reconcile: renew,
    },
    async release() {
      if (fence === undefined) return;
      const released = fence;
      fence = undefined;
      await renewing?.catch(() => undefined);
      // In this order, and not at all without the database: whoever relies on the guard has to know first.
      await noteUnfenced(db, hostName);
      await released.release();
    },
  };
}

/** For how long what runs may run on after the last sign of life. */
export function leaseSeconds(downAfterSeconds: number): number {
  return downAfterSeconds - marginSeconds;
}

async function held(fence: Fence | undefined, log: Logger): Promise<boolean> {
  try {
    await fence?.hold();
    return fence !== undefined;
  } catch (error) {
    log.error({ err: error }, 'the guard of this host does not stand ready: nothing is evacuated from here by itself');
    return false;
  }
}

/** Wherever they run now, or are made, or deleted: not here. What is left of them is removed, or kept, as their moves say. */
async function stopWhatLeft({ db, driver, hostName, log }: LeaseDeps): Promise<void> {
  for (const id of [...(await listLeft(db, hostName)), ...(await listRemains(db, hostName))]) {
    const guest = await driver.observe(id);
    if (guest === undefined || guest.power === 'shutdown' || guest.power === 'crashed') continue;
    log.warn({ server: id, host: hostName }, 'this host was dead to the cloud: stopping a server that has left it');
    await driver.power({ id }, 'shutdown', { graceSeconds: 0 });
  }
}

/** The same steps, which are taken while there is a lease, and got one first. */
export function underLease(reconciler: Reconciler, lease: Pick<HostLease, 'ensure'>): Reconciler {
  return {
    ...reconciler,
    async reconcile(id) {
      await lease.ensure();
      return reconciler.reconcile(id);
    },
    ...(reconciler.sweep && {
      async sweep() {
        await lease.ensure();
        return (await reconciler.sweep?.()) ?? [];
      },
    }),
  };
}

const letsRun = ['ensure', 'power', 'reboot', 'migrate', 'prepareArrival'] as const satisfies (keyof ServerDriver)[];

/** The same driver, which lets nothing begin to run once the lease is over: what began with it may take longer than that. */
export function whileLeased(driver: ServerDriver, { isHeld }: Pick<HostLease, 'isHeld'>): ServerDriver {
  return new Proxy(driver, {
    get(target, name) {
      const method = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      if (!(letsRun as readonly PropertyKey[]).includes(name)) return method.bind(target);
      return async (...args: unknown[]) => {
        const stops = name === 'power' && args[1] === 'shutdown';
        if (!stops && !isHeld())
          throw new Unavailable('The agent of the host has not reached the database for too long to go on.');
        return method.apply(target, args);
      };
    },
  });
}
