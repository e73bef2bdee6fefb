import type { Dialect } from './dialect.ts';
import type { Microversions } from './microversion.ts';
import type { Route } from './route.ts';
import type { Sockets } from './sockets.ts';

/** One OpenStack service, as the server mounts it: its public path, how it words failures, what it answers. */
export interface Service {
  name: string;
  /** Its type in the catalog, which access rules name; absent where it is in none. */
  type?: string;
  /** `/compute`. */
  prefix: string;
  dialect: Dialect;
  microversions?: Microversions;
  /** A further header for the request id, beside `x-openstack-request-id`. */
  requestIdHeader?: string;
  /** `/v2.1`, where clients may put their project's id between the version and the rest of the path. */
  projectInPathAfter?: string;
  /** The status of `OverQuota`, which differs by service. */
  overQuotaStatus: number;
  /** A slash at the end of a path means an id that was left out, and is not found. */
  refusesEmptyIds?: boolean;
  routes: Route[];
  /** What it does beside answering requests. */
  sockets?: Sockets;
}
