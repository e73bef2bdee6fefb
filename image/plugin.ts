import { imageDialect } from '../common/http/dialect.ts';
import type { Module } from '../common/module.ts';
import { cacheRoutes } from './api/cache.ts';
import { dataRoutes } from './api/data.ts';
import { imageRoutes } from './api/images.ts';
import { importRoutes } from './api/import.ts';
import { infoRoutes } from './api/info.ts';
import { memberRoutes } from './api/members.ts';
import { allMetadefRoutes } from './api/metadefs-routes.ts';
import { schemaRoutes } from './api/schemas.ts';
import { stageRoutes } from './api/stage.ts';
import { storeRoutes } from './api/stores.ts';
import { taskRoutes } from './api/tasks.ts';
import { versionRoutes } from './api/versions.ts';
import { cachePolicy } from './cache/policy.ts';
import type { ImageModuleDeps } from './deps.ts';
import { imagePolicy as imagesPolicy } from './images/policy.ts';
import { imageReconciler } from './images/reconciler.ts';
import { importReconciler } from './import/reconciler.ts';
import { metadefPolicy } from './metadefs/policy.ts';
import { createImages } from './migrations/0001-images.ts';
import { rememberUsedIds } from './migrations/0002-used-ids.ts';
import { createImports } from './migrations/0003-import.ts';
import { createMetadefs } from './migrations/0005-metadefs.ts';
import { deactivateImages } from './migrations/0006-images.ts';
import { severalStores } from './migrations/0007-stores.ts';
import { createRegistry } from './migrations/0008-registry.ts';
import { indexPublicImages } from './migrations/0010-public.ts';
import { nameCloud } from './migrations/0011-cloud-id.ts';
import { countStagedData } from './migrations/0012-staged.ts';
import { taskPolicy } from './tasks/policy.ts';

export const imagePolicy = { ...imagesPolicy, ...metadefPolicy, ...taskPolicy, ...cachePolicy };

export const imageMigrations = [
  createImages,
  rememberUsedIds,
  createImports,
  createMetadefs,
  deactivateImages,
  severalStores,
  createRegistry,
  indexPublicImages,
  nameCloud,
  countStagedData,
];

/** Image API v2 (Glance), as far as docs/compatibility.md says. */
export function imageModule(deps: ImageModuleDeps): Module {
  return {
    service: {
      name: 'image',
      type: 'image',
      prefix: '/image',
      dialect: imageDialect,
      overQuotaStatus: 413,
      refusesEmptyIds: true,
      routes: [
        ...versionRoutes(deps),
        ...imageRoutes(deps),
        ...dataRoutes(deps),
        ...stageRoutes(deps),
        ...importRoutes(deps),
        ...taskRoutes(deps),
        ...memberRoutes(deps),
        ...schemaRoutes(),
        ...infoRoutes(deps),
        ...storeRoutes(deps),
        ...cacheRoutes(deps),
        ...allMetadefRoutes(deps),
      ],
    },
    controllers: [imageReconciler(deps), importReconciler(deps)],
    agents: [],
  };
}
