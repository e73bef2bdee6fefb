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

/** An agent that ends waits so long for the database: in all it has ten seconds. */
const unfenceMs = 3000;

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
  /** Ends what an agent with a fence has left here; tells whether there was something. Absent where `fence` goes on with it. */
  endStrayGuard?: () => Promise<boolean>;
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
  let { fence, endStrayGuard } = deps;
  /** Nothing that has left runs here. Of what an agent of before has done nobody knows. */
  let isClean = false;
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
    const guardEndsAt = await held(fence, log);
    const isFenced = guardEndsAt !== undefined;
    const until = uptime() + seconds;
    // Never has the guard more time than is written down, or others could start what still runs: less of it first, more of it last.
    if (isFenced && guardEndsAt > until) await fence?.extend(until);
    const wasClean = isClean;
    isClean = false;
    const wasOver = await renewLease(db, hostName, { bootId, downAfterSeconds, isFenced });
    if (wasOver || !wasClean) await stopWhatLeft(deps); // until just now it could be evacuated, whatever was read before
    isClean = true;
    if (isFenced) await fence?.extend(until);
    if (endStrayGuard !== undefined && (await endStrayGuard()))
      log.warn({ host: hostName }, 'a guard that an agent of before had left on this host was sent home');
    endStrayGuard = undefined;
    endsAt = until;
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
      try {
        // In this order, and not at all without the database: whoever relies on the guard has to know first.
        await withinMs(unfenceMs, async () => {
          await renewing?.catch(() => undefined);
          await noteUnfenced(db, hostName);
        });
        await released.release();
      } catch (error) {
        fence = released; // should it still be renewed
        log.error(
          { err: error, host: hostName, seconds: Math.max(0, Math.ceil(endsAt - uptime())) },
          'the database cannot be told that this host has no guard any more, so that it stays, and ends the servers here after these seconds unless an agent starts before; bin/down stops both',
        );
      }
    },
  };
}

/** For how long what runs may run on after the last sign of life. */
export function leaseSeconds(downAfterSeconds: number): number {
  return downAfterSeconds - marginSeconds;
}

/** Rejects when that takes longer. */
async function withinMs(ms: number, work: () => Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Unavailable('The database does not answer in time.')), ms);
  await Promise.race([work(), late]).finally(() => clearTimeout(timer));
}

/** Until when nothing is ended, in seconds of uptime; undefined where nothing ever is. */
async function held(fence: Fence | undefined, log: Logger): Promise<number | undefined> {
  try {
    return await fence?.hold();
  } catch (error) {
    log.error({ err: error }, 'the guard of this host does not stand ready: nothing is evacuated from here by itself');
    return undefined;
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
