import type { Knex } from '../common/database/database.ts';
import type { Migration } from '../common/database/migrate.ts';
import { computeDialect } from '../common/http/dialect.ts';
import type { Logger } from '../common/logger.ts';
import type { Module } from '../common/module.ts';
import type { ComputeApiDeps } from './api/deps.ts';
import { flavorAccessRoutes } from './api/flavor-access.ts';
import { flavorRoutes } from './api/flavors.ts';
import { hypervisorRoutes } from './api/hypervisors.ts';
import { instanceActionRoutes } from './api/instance-actions.ts';
import { keypairRoutes } from './api/keypairs.ts';
import { limitRoutes } from './api/limits.ts';
import { computeUrl } from './api/links.ts';
import { serverActionRoutes } from './api/server-actions.ts';
import { serverMetadataRoutes } from './api/server-metadata.ts';
import { serverRoutes } from './api/servers.ts';
import { serviceRoutes } from './api/services.ts';
import { computeMicroversions, versionRoutes } from './api/versions.ts';
import type { ServerDriver } from './drivers/driver.ts';
import { type HostMethods, hostCallReconciler } from './hosts/calls.ts';
import { heartbeatReconciler } from './hosts/heartbeat.ts';
import { createImageCache } from './image-cache/cache.ts';
import { imageCacheReconciler } from './image-cache/reconciler.ts';
import { createCompute } from './migrations/0001-compute.ts';
import type { Images, Networking } from './servers/neighbours.ts';
import { serverReconciler } from './servers/reconciler.ts';

export interface ComputeModuleDeps {
  db: Knex;
  log: Logger;
  /** Without a slash at its end. */
  publicUrl: string;
  networking: Networking;
  images: Images;
  /** This host, when the process runs an agent; undefined otherwise. */
  agent?: {
    driver: ServerDriver;
    hostName: string;
    /** Where the host's copies of images are kept. */
    imageCacheDirectory: string;
    /** What else this host can be asked, beside the consoles of servers. */
    methods?: HostMethods;
  };
}

export const computeMigrations: Migration[] = [createCompute];

/**
 * The compute service. Its agents' reconcilers are `compute-hosts`, `servers`, `image-cache` and `host-calls`; whoever runs them
 * passes the driver's `onChange` on to the loop `servers`.
 */
export function computeModule(deps: ComputeModuleDeps): Module {
  const { db, log, networking, images, agent } = deps;
  const api: ComputeApiDeps = { db, networking, images, url: computeUrl(deps.publicUrl) };
  return {
    service: {
      name: 'compute',
      prefix: '/compute',
      dialect: computeDialect,
      microversions: computeMicroversions,
      requestIdHeader: 'x-compute-request-id',
      projectInPathAfter: '/v2.1',
      overQuotaStatus: 403,
      routes: [
        ...versionRoutes(api),
        ...flavorRoutes(api),
        ...flavorAccessRoutes(api),
        ...keypairRoutes(api),
        ...serverRoutes(api),
        ...serverActionRoutes(api),
        ...serverMetadataRoutes(api),
        ...instanceActionRoutes(api),
        ...hypervisorRoutes(api),
        ...serviceRoutes(api),
        ...limitRoutes(api),
      ],
    },
    controllers: [],
    agents: agent ? agentReconcilers({ db, log, networking, images, agent }) : [],
  };
}

function agentReconcilers({
  db,
  log,
  networking,
  images,
  agent,
}: Omit<ComputeModuleDeps, 'publicUrl'> & { agent: NonNullable<ComputeModuleDeps['agent']> }) {
  const { driver, hostName } = agent;
  const cache = createImageCache(agent.imageCacheDirectory);
  const methods: HostMethods = {
    ...agent.methods,
    consoleOutput: ({ id, lines }) => driver.consoleOutput(id as string, (lines as number | null) ?? undefined),
  };
  return [
    heartbeatReconciler({ db, log, driver, hostName }),
    serverReconciler({ db, log, driver, cache, images, networking, hostName }),
    imageCacheReconciler({ db, cache, hostName }),
    hostCallReconciler({ db, log, hostName, methods }),
  ];
}
