import type { Knex } from '../database/database.ts';
import { Forbidden } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { imageDialect } from './dialect.ts';
import { openApiDocument } from './openapi.ts';
import { route } from './route.ts';
import type { Service } from './service.ts';

interface SystemDeps {
  /** All others. */
  services: Service[];
  db: Knex;
  metrics: Metrics;
  publicUrl: string;
}

const version = '0.1.0';

/** What is not OpenStack's: health, metrics, and the description of everything else. */
export function systemService({ services, db, metrics, publicUrl }: SystemDeps): Service {
  let document: object | undefined;
  return {
    name: 'system',
    prefix: '',
    dialect: imageDialect,
    overQuotaStatus: 403,
    routes: [
      route({
        method: 'GET',
        path: '/healthz',
        rule: { anonymous: 'load balancers ask it, and it tells nothing else' },
        summary: 'Whether this process and its database answer',
        status: 200,
        async handler(_, h) {
          try {
            await db.raw('select 1');
            return { status: 'ok' };
          } catch {
            return h.response({ status: 'the database does not answer' }).code(503);
          }
        },
      }),
      route({
        method: 'GET',
        path: '/openapi.json',
        rule: { anonymous: 'documentation' },
        summary: 'This document',
        status: 200,
        handler: () => {
          document ??= openApiDocument(services, { publicUrl, version });
          return document;
        },
      }),
      route({
        method: 'GET',
        path: '/metrics',
        rule: { anonymous: 'Prometheus asks without a token; only this machine is answered' },
        summary: 'Metrics in Prometheus’ text format',
        status: 200,
        async handler({ request }, h) {
          // Behind a proxy on this machine everybody comes from here: whoever was forwarded is not this machine.
          const isForwarded = 'x-forwarded-for' in request.headers || 'forwarded' in request.headers;
          if (isForwarded || !['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.info.remoteAddress))
            throw new Forbidden('Metrics are shown to this machine only.');
          return h.response(await metrics.registry.metrics()).type(metrics.registry.contentType);
        },
      }),
    ],
  };
}
