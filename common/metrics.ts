import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** The numbers one process keeps about itself, in Prometheus' terms; labels come from a bounded set, never from ids. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Histogram({
      name: 'cirrostack_http_request_duration_seconds',
      help: 'Time to answer, by service, route and status',
      labelNames: ['service', 'method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    reconciles: new Counter({
      name: 'cirrostack_reconciles_total',
      help: 'Reconcile steps, by reconciler and outcome',
      labelNames: ['reconciler', 'outcome'],
      registers,
    }),
    backlog: new Gauge({
      name: 'cirrostack_reconcile_backlog',
      help: 'Objects that a reconciler still has to settle',
      labelNames: ['reconciler'],
      registers,
    }),
  };
}
