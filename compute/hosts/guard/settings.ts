import { join } from 'node:path';
import type { Config } from '../../../common/config/config.ts';
import { BadRequest } from '../../../common/errors.ts';
import { leaseSeconds } from '../lease.ts';
import { type Fence, guardFence } from './fence.ts';

const systemDaemon = 'qemu:///system';

/** Undefined where nothing is to be fenced. Throws `BadRequest` where it could not be. */
export function fenceOf(
  config: Pick<Config, 'fencing' | 'drivers' | 'libvirtUri' | 'dataDir' | 'hostDownSeconds' | 'roles'>,
): Fence | undefined {
  if (config.fencing === 'none' || config.drivers === 'simulated' || !config.roles.has('agent')) return undefined;
  if (config.libvirtUri !== systemDaemon)
    throw new BadRequest(
      `Setting fencing: the guard knows the servers of ${systemDaemon} alone, and not of ${config.libvirtUri}.`,
    );
  return guardFence({
    socket: join(config.dataDir, 'compute', 'guard.sock'),
    runDirectory: '/run/libvirt/qemu',
    logFile: join(config.dataDir, 'log', 'guard.log'),
    firstSeconds: leaseSeconds(config.hostDownSeconds),
  });
}
