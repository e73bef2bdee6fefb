/** What this process reaches the engines of its host through. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './common/config/config.ts';
import type { Logger } from './common/logger.ts';
import { DockerDriver } from './compute/drivers/docker/driver.ts';
import { LibvirtServerDriver } from './compute/drivers/libvirt/driver.ts';
import type { Drivers } from './drivers.ts';
import { OvnDriver } from './network/drivers/ovn/driver.ts';
import { HostDoors } from './network/metadata/host-doors.ts';

/** Opens them; engines may be away, calls wait for them. */
export function realDrivers(config: Config, log: Logger): Drivers {
  const userspaceDatapath = (config.ovsDatapath || integrationDatapath()) === 'netdev';
  const compute = join(config.dataDir, 'compute');
  return {
    servers: new LibvirtServerDriver({
      uri: config.libvirtUri,
      guestsDirectory: join(compute, 'servers'),
      stateDirectory: join(config.dataDir, 'cache'), // where doctor keeps its answer about KVM too
      userspaceDatapath,
      onProblem: (err, doing) => log.warn({ err, doing }, 'libvirt'),
    }),
    containers: new DockerDriver({
      socketPath: config.dockerSocket,
      stateDirectory: join(compute, 'containers'),
      userspaceDatapath,
    }),
    network: new OvnDriver({ northbound: config.ovnNorthbound, gateways: { southbound: config.ovnSouthbound } }),
    metadata: new HostDoors({ userspaceDatapath }),
  };
}

/** How br-int switches packets: `netdev` in user space, `system` in the kernel. While OVS is away, what it will choose. */
function integrationDatapath(): string {
  try {
    const argv = ['--timeout=5', '--if-exists', 'get', 'bridge', 'br-int', 'datapath_type'];
    const type = execFileSync('ovs-vsctl', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    if (type.trim() !== '') return type.trim().replaceAll('"', '') || 'system'; // an empty name is the kernel's datapath
  } catch {
    // not installed or not running
  }
  return existsSync('/sys/module/openvswitch') ? 'system' : 'netdev';
}
