import type { Service } from './http/service.ts';
import type { Reconciler } from './reconcile/loop.ts';

/** What a service's folder hands to `cloud.ts`: its HTTP side and its loops. Its migrations are exported beside it. */
export interface Module {
  service: Service;
  /** Run by whoever leads the controllers. */
  controllers: Reconciler[];
  /** Run by this host's agent: they touch this host's guests only. */
  agents: Reconciler[];
  /** What this host's agent keeps doing beside its loops (heartbeat, engine events); returns what stops it. */
  startAgent?: () => Promise<() => Promise<void>>;
}
