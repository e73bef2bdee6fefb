import { networkDialect } from '../common/http/dialect.ts';
import type { Module } from '../common/module.ts';
import { autoAllocatedTopologyRoutes } from './api/auto-allocated-topology.ts';
import { extensionRoutes } from './api/extensions.ts';
import { floatingIpRoutes } from './api/floating-ips.ts';
import { networkRoutes } from './api/networks.ts';
import { portRoutes } from './api/ports.ts';
import { quotaRoutes } from './api/quotas.ts';
import { routerRoutes } from './api/routers.ts';
import { securityGroupRoutes } from './api/security-groups.ts';
import { subnetRoutes } from './api/subnets.ts';
import { tagRoutes } from './api/tags.ts';
import { versionRoutes } from './api/versions.ts';
import type { NetworkDeps } from './deps.ts';
import type { NetworkDriver } from './drivers/driver.ts';
import type { MetadataDriver } from './metadata/driver.ts';
import { metadataDoorReconciler } from './metadata/reconciler.ts';
import { networksMigration } from './migrations/0001-networks.ts';
import { addDeviceTags } from './migrations/0002-device-tags.ts';
import { createAutoAllocatedTopologies } from './migrations/0003-auto-allocated-topology.ts';
import { indexGuestsOfHosts } from './migrations/0004-guests-of-hosts.ts';
import { networkReconciler } from './networks/reconciler.ts';
import { portReconciler } from './ports/reconciler.ts';
import { routerReconciler } from './routers/reconciler.ts';
import { securityGroupReconciler } from './security-groups/reconciler.ts';
import { subnetReconciler } from './subnets/reconciler.ts';

export interface NetworkModuleDeps extends NetworkDeps {
  driver: NetworkDriver;
  /** This host's side; used only by processes that run an agent. */
  host: { name: string; metadata: MetadataDriver };
  /** Where clients reach the API, without the service's prefix. */
  publicUrl: string;
}

export { networkPolicy } from './policy.ts';

export const networkMigrations = [networksMigration, addDeviceTags, createAutoAllocatedTopologies, indexGuestsOfHosts];

/** The Networking API v2.0, over whatever carries tenant networks. */
export function networkModule(deps: NetworkModuleDeps): Module {
  const api = { ...deps, url: `${deps.publicUrl}/network/v2.0` };
  const routes = [
    versionRoutes,
    extensionRoutes,
    networkRoutes,
    subnetRoutes,
    portRoutes,
    routerRoutes,
    floatingIpRoutes,
    securityGroupRoutes,
    tagRoutes,
    quotaRoutes,
    autoAllocatedTopologyRoutes,
  ];
  return {
    service: {
      name: 'network',
      type: 'network',
      prefix: '/network',
      dialect: networkDialect,
      overQuotaStatus: 409,
      routes: routes.flatMap((make) => make(api)),
    },
    controllers: [
      networkReconciler(deps),
      subnetReconciler(deps),
      securityGroupReconciler(deps),
      routerReconciler(deps),
      portReconciler(deps),
    ],
    agents: [metadataDoorReconciler({ db: deps.db, driver: deps.host.metadata, hostName: deps.host.name })],
  };
}
