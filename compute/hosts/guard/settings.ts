import { join } from 'node:path';
import type { Config } from '../../../common/config/config.ts';
import { BadRequest } from '../../../common/errors.ts';
import { leaseSeconds } from '../lease.ts';
import { type Fence, guardFence, sendHome } from './fence.ts';

const systemDaemon = 'qemu:///system';

/** Where libvirt's system daemon keeps the ids of QEMU's processes. */
export const processDirectory = '/run/libvirt/qemu';

/** Where the guard of the host with this data directory listens, whoever started it. */
export function guardSocket(dataDir: string): string {
  return join(dataDir, 'compute', 'guard.sock');
}

/** Whether agents of this configuration have a guard. */
export function isGuarded({ fencing, drivers, roles }: Pick<Config, 'fencing' | 'drivers' | 'roles'>): boolean {
  return fencing !== 'none' && drivers !== 'simulated' && roles.has('agent');
}

/**
 * Ends the guard that an agent with another configuration has left here: nobody would ever tell it anything.
 * Undefined where it is this agent's own.
 */
export function strayGuardOf(
  config: Pick<Config, 'fencing' | 'drivers' | 'dataDir' | 'roles'>,
): (() => Promise<boolean>) | undefined {
  return isGuarded(config) ? undefined : () => sendHome(guardSocket(config.dataDir));
}

/** Undefined where nothing is to be fenced. Throws `BadRequest` where it could not be. */
export function fenceOf(
  config: Pick<Config, 'fencing' | 'drivers' | 'libvirtUri' | 'dataDir' | 'hostDownSeconds' | 'roles'>,
): Fence | undefined {
  if (!isGuarded(config)) return undefined;
  if (config.libvirtUri !== systemDaemon)
    throw new BadRequest(
      `Setting fencing: the guard knows the servers of ${systemDaemon} alone, and not of ${config.libvirtUri}.`,
    );
  return guardFence({
    socket: guardSocket(config.dataDir),
    runDirectory: processDirectory,
    logFile: join(config.dataDir, 'log', 'guard.log'),
    firstSeconds: leaseSeconds(config.hostDownSeconds),
  });
}
