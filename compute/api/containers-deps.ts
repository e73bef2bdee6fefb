import type { Enforcer } from '../../common/policy/enforcer.ts';
import type { ContainerDeps } from '../containers/create.ts';

/** What the routes of containers may use. */
export interface ContainersApiDeps extends ContainerDeps {
  /** `…/container`: where clients find this service; never taken from a request's `Host`. */
  url: string;
  /** For rules that guard an attribute or one way of an action, where no route can. */
  enforcer: Enforcer;
}
