import type { Enforcer } from '../../common/policy/enforcer.ts';
import type { ServerDeps } from '../servers/create.ts';
import type { Url } from './links.ts';

/** What the routes of this service may use. */
export interface ComputeApiDeps extends ServerDeps {
  url: Url;
  /** For rules that guard an attribute or one action of many, where no route can. */
  enforcer: Enforcer;
}
