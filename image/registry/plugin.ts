import { imageDialect } from '../../common/http/dialect.ts';
import type { Module } from '../../common/module.ts';
import { distributionRoutes } from './api/distribution.ts';
import { repositoryRoutes } from './api/repositories.ts';
import { tokenRoutes } from './api/token.ts';
import { roomIn } from './content/bytes.ts';
import { repositoryReconciler, uploadReconciler } from './content/reconciler.ts';
import type { RegistryDeps } from './deps.ts';
import { registryDialect } from './errors.ts';
import { registryTagReconciler } from './images/reconciler.ts';
import { accessRuleService } from './tokens/judge.ts';

export { registryPolicy } from './policy.ts';

export interface RegistryModuleDeps extends Omit<RegistryDeps, 'hasRoom'> {
  keepUnreferencedSeconds: number;
}

/** The registry of container images: its own API at `/v2`, and what that has no words for. */
export function registryModules(settings: RegistryModuleDeps): Module[] {
  const deps = { ...settings, hasRoom: roomIn(settings.storageDirectory) };
  return [
    {
      service: {
        name: 'registry',
        type: accessRuleService,
        prefix: '/registry',
        dialect: imageDialect,
        overQuotaStatus: 403,
        routes: [...tokenRoutes(deps), ...repositoryRoutes(deps)],
      },
      controllers: [repositoryReconciler(deps), uploadReconciler(deps), registryTagReconciler(deps)],
      agents: [],
    },
    {
      service: {
        name: 'distribution',
        prefix: '/v2',
        dialect: registryDialect,
        overQuotaStatus: 403,
        routes: distributionRoutes(deps),
      },
      controllers: [],
      agents: [],
    },
  ];
}
