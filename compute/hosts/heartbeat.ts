import { networkInterfaces } from 'node:os';
import type { Knex } from '../../common/database/database.ts';
import { CloudError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import type { HostFacts, ServerDriver } from '../drivers/driver.ts';
import type { Allocation } from '../scheduler/capacity.ts';
import { countRoom } from '../scheduler/room.ts';
import { needsHeartbeat, reportHost, reportHostFault } from './store.ts';
import { uptimeLine } from './uptime.ts';

export interface HeartbeatDeps {
  db: Knex;
  log: Logger;
  driver: ServerDriver;
  /** The name of this host in the cloud. */
  hostName: string;
  /** How much of it may be promised. */
  allocation: Allocation;
  /** Where servers of other hosts come in now; null: nowhere. */
  migrationAddress?: () => string | null;
  /** Without a sign of life for so long it is down. */
  downAfterSeconds: number;
  /** Its engine was away and is back: what has failed meanwhile need not wait for its turn. */
  onEngineBack(): Promise<void>;
}

/**
 * Keeps the row of this host fresh: what it has, and whether its engine answers. Time is the database's. One that does not
 * is asked again at every poll: the host is of use the moment its engine is back.
 */
export function heartbeatReconciler({
  db,
  log,
  driver,
  hostName,
  allocation,
  migrationAddress = () => null,
  downAfterSeconds,
  onEngineBack,
}: HeartbeatDeps): Reconciler {
  let facts: HostFacts | undefined; // what the machine is made of does not change under a running process
  let told: string | undefined;
  return {
    name: 'compute-hosts',
    pending: async () => ((await needsHeartbeat(db, hostName)) ? [hostName] : []),
    async reconcile() {
      try {
        await driver.check();
        facts ??= await driver.hostFacts();
      } catch (error) {
        const words = faultWords(error);
        if (words !== told) log.warn({ err: error, host: hostName }, 'the engine of this host does not answer');
        told = words;
        return reportHostFault(db, hostName, words);
      }
      const isBack = told !== undefined;
      told = undefined;
      const { hostname: _, ...rest } = facts;
      await reportHost(
        db,
        {
          name: hostName,
          address: ownAddress(),
          uptime: uptimeLine(),
          migrationAddress: migrationAddress(),
          downAfterSeconds,
          ...rest,
        },
        null,
      );
      await countRoom(db, allocation, hostName);
      if (isBack) await onEngineBack();
    },
  };
}

function faultWords(error: unknown): string {
  return error instanceof CloudError ? error.message : 'see the log of its agent';
}

function ownAddress(): string {
  const outward = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal);
  return outward?.address ?? '127.0.0.1';
}
