import type { ImageModuleDeps } from '../deps.ts';
import { metadefRoutes } from './metadefs.ts';
import { metadefObjectRoutes } from './metadefs-objects.ts';
import { metadefPropertyRoutes } from './metadefs-properties.ts';
import { metadefResourceTypeRoutes } from './metadefs-resource-types.ts';
import { metadefSchemaRoutes } from './metadefs-schemas.ts';
import { metadefTagRoutes } from './metadefs-tags.ts';

/** The metadata definitions of Image API v2: `/v2/metadefs` and `/v2/schemas/metadefs`. */
export const allMetadefRoutes = (deps: ImageModuleDeps) => [
  ...metadefRoutes(deps),
  ...metadefResourceTypeRoutes(deps),
  ...metadefObjectRoutes(deps),
  ...metadefPropertyRoutes(deps),
  ...metadefTagRoutes(deps),
  ...metadefSchemaRoutes(),
];
