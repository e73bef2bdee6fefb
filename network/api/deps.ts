import type { NetworkDeps } from '../deps.ts';

/** What routes stand on. */
export interface ApiDeps extends NetworkDeps {
  /** Public address of the version, for links: `http://…/network/v2.0`. */
  url: string;
}
