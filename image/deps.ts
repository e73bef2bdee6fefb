import type { ImageDeps } from './images/operations.ts';

/** What every route of the image service may use. */
export interface ImageModuleDeps extends ImageDeps {
  /** Where clients find the cloud. */
  publicUrl: string;
}
