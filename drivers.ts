/** What this process reaches engines through: those of this host, or simulated ones. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './common/config/config.ts';
import type { Logger } from './common/logger.ts';
import { DockerDriver } from './compute/drivers/docker/driver.ts';
import type { ContainerDriver, ServerDriver } from './compute/drivers/driver.ts';
import { LibvirtServerDriver } from './compute/drivers/libvirt/driver.ts';
import { SimulatedContainerDriver } from './compute/drivers/simulated/container-driver.ts';
import { SimulatedHost } from './compute/drivers/simulated/host.ts';
import { SimulatedServerDriver } from './compute/drivers/simulated/server-driver.ts';
import type { NetworkDriver } from './network/drivers/driver.ts';
import { OvnDriver } from './network/drivers/ovn/driver.ts';
import { SimulatedNetworkDriver, SimulatedNetworkEngine } from './network/drivers/simulated/driver.ts';

export interface Drivers {
  servers: ServerDriver;
  containers: ContainerDriver;
  network: NetworkDriver;
}

/** Opens what the configuration names; engines may be away, calls wait for them. */
export function openDrivers(config: Config, log: Logger): Drivers {
  return config.drivers === 'simulated' ? simulatedDrivers(new SimulatedHost()) : realDrivers(config, log);
}

export async function closeDrivers(drivers: Drivers): Promise<void> {
  await Promise.all([drivers.servers.close(), drivers.containers.close(), drivers.network.close()]);
}

/** Hosts in memory: for development without engines, and for tests, which keep the engines to look into them. */
export function simulatedDrivers(host: SimulatedHost, network = new SimulatedNetworkEngine()): Drivers {
  return {
    servers: new SimulatedServerDriver(host),
    containers: new SimulatedContainerDriver(host),
    network: new SimulatedNetworkDriver(network),
  };
}

function realDrivers(config: Config, log: Logger): Drivers {
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
