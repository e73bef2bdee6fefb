import type { Knex } from '../common/database/database.ts';
import { notify } from '../common/database/notifications.ts';
import { containerDialect } from '../common/http/dialect.ts';
import type { Logger } from '../common/logger.ts';
import type { Module } from '../common/module.ts';
import type { Enforcer } from '../common/policy/enforcer.ts';
import type { ImageStores } from '../image/stores/stores.ts';
import { containerActionPolicy, containerActionRoutes } from './api/container-actions.ts';
import { containerCreationPolicy } from './api/container-body.ts';
import { containerScopePolicy } from './api/container-query.ts';
import { containerQuotaPolicy, containerQuotaRoutes } from './api/container-quotas.ts';
import { containerAttributePolicy } from './api/container-view.ts';
import { containerDeletionPolicy, containerPolicy, containerRoutes } from './api/containers.ts';
import type { ContainersApiDeps } from './api/containers-deps.ts';
import { containerMicroversions, containerVersionRoutes } from './api/containers-versions.ts';
import { containerImages } from './containers/images.ts';
import { containerReconciler, topic } from './containers/reconciler.ts';
import type { ContainerDriver } from './drivers/driver.ts';
import type { CacheLimits } from './image-cache/limits.ts';

export { containerHostMethods } from './containers/host-methods.ts';

import type { Scheduling } from './scheduler/scheduling.ts';

export interface ContainersModuleDeps {
  db: Knex;
  log: Logger;
  /** Without a slash at its end. */
  publicUrl: string;
  enforcer: Enforcer;
  region: string;
  scheduling: Scheduling;
  /** This host's side; used only by processes that run an agent. Its `containerHostMethods` go to the compute module. */
  host: {
    name: string;
    driver: ContainerDriver;
    imageStores: ImageStores;
    /** Where archives of images wait until the engine has taken them. */
    archiveDirectory: string;
    imageLimits: CacheLimits;
  };
}

export const containersPolicy = {
  ...containerPolicy,
  ...containerDeletionPolicy,
  ...containerActionPolicy,
  ...containerAttributePolicy,
  ...containerCreationPolicy,
  ...containerScopePolicy,
  ...containerQuotaPolicy,
};

/** Containers: Zun's API, and this host's agent for them. Hosts, claims, quotas and migrations are the compute module's. */
export function containersModule(deps: ContainersModuleDeps): Module {
  const { db, log, publicUrl, enforcer, region, scheduling, host } = deps;
  const { driver, name: hostName } = host;
  const api: ContainersApiDeps = { db, enforcer, region, scheduling, url: `${publicUrl}/container` };
  const { images, reconciler: imageReconciler } = containerImages({
    db,
    log,
    hostName,
    driver,
    stores: host.imageStores,
    directory: host.archiveDirectory,
    limits: host.imageLimits,
  });
  return {
    service: {
      name: 'container',
      type: 'application-container',
      prefix: '/container',
      dialect: containerDialect,
      microversions: containerMicroversions,
      overQuotaStatus: 403,
      routes: [
        ...containerVersionRoutes(api),
        ...containerRoutes(api),
        ...containerActionRoutes(api),
        ...containerQuotaRoutes(api),
      ],
    },
    controllers: [],
    agents: [containerReconciler({ db, log, ...images, hostName }), imageReconciler],
    /** What happens to guests on the host wakes the loop; it would find out by itself, later. */
    async startAgent() {
      const stop = driver.onChange((id) => {
        notify(db, topic, id).catch((err) => log.warn({ err, container: id }, 'cannot tell of a change of a guest'));
      });
      return async () => stop();
    },
  };
}
