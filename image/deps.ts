import type { HostCaches } from './cache/host-caches.ts';
import type { ImageDeps } from './images/operations.ts';
import type { ImportSettings } from './import/settings.ts';
import type { ImageStore } from './stores/store.ts';

/** What every route of the image service may use. */
export interface ImageModuleDeps extends ImageDeps {
  /** Where clients find the cloud. */
  publicUrl: string;
  /** What hosts keep of images. */
  hostCaches: HostCaches;
  /** Where data waits for its import. */
  staging: ImageStore;
  imports: ImportSettings;
  /** Where conversions write. */
  conversionDirectory: string;
}
