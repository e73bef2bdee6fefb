/** What this process reaches engines through: those of this host (real-drivers.ts), or simulated ones. */
import type { Config } from './common/config/config.ts';
import type { Logger } from './common/logger.ts';
import type { ContainerDriver, ServerDriver } from './compute/drivers/driver.ts';
import { SimulatedContainerDriver } from './compute/drivers/simulated/container-driver.ts';
import { SimulatedHost } from './compute/drivers/simulated/host.ts';
import { SimulatedServerDriver } from './compute/drivers/simulated/server-driver.ts';
import type { NetworkDriver } from './network/drivers/driver.ts';
import { SimulatedNetworkDriver, SimulatedNetworkEngine } from './network/drivers/simulated/driver.ts';
import type { MetadataDriver } from './network/metadata/driver.ts';
import { SimulatedDoors, SimulatedMetadataDriver } from './network/metadata/simulated.ts';

export interface Drivers {
  servers: ServerDriver;
  containers: ContainerDriver;
  network: NetworkDriver;
  /** How this host's guests reach the metadata service. */
  metadata: MetadataDriver;
}

/** Opens what the configuration names; engines may be away, calls wait for them. */
export async function openDrivers(config: Config, log: Logger): Promise<Drivers> {
  if (config.drivers === 'simulated') return simulatedDrivers(new SimulatedHost());
  const { realDrivers } = await import('./real-drivers.ts'); // a fifth of all modules there are to load
  return realDrivers(config, log);
}

export async function closeDrivers(drivers: Drivers): Promise<void> {
  await Promise.all(Object.values(drivers).map((driver) => driver.close()));
}

/** Hosts in memory: for development without engines, and for tests, which keep the engines to look into them. */
export function simulatedDrivers(
  host: SimulatedHost,
  network = new SimulatedNetworkEngine(),
  doors = new SimulatedDoors(),
): Drivers {
  // Ports are up while a guest runs that has them, as on a host.
  host.onChange((id) => {
    const guest = host.servers.get(id) ?? host.containers.get(id);
    const runs = guest?.power === 'running' || guest?.power === 'paused';
    const ports = runs ? guest.spec.ports.map((port) => port.id) : [];
    network.carry(id, ports, host.facts.hostname);
  });
  return {
    servers: new SimulatedServerDriver(host),
    containers: new SimulatedContainerDriver(host),
    network: new SimulatedNetworkDriver(network),
    metadata: new SimulatedMetadataDriver(doors),
  };
}
