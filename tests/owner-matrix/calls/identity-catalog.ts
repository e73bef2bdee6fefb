import { randomUUID } from 'node:crypto';
import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const fresh = () => `new-${randomUUID()}`;

export const identityCatalogCalls: Calls = {
  'GET /v3/regions': nothing,
  'POST /v3/regions': () => ({ body: { region: { description: 'new' } } }),
  'PUT /v3/regions/{region_id}': () => ({ params: { region_id: fresh() }, body: { region: {} } }),
  'GET /v3/regions/{region_id}': (it) => ({ params: { region_id: it.region } }),
  'PATCH /v3/regions/{region_id}': (it) => ({
    params: { region_id: it.spareRegion },
    body: { region: { description: 'changed' } },
  }),
  'DELETE /v3/regions/{region_id}': (it) => ({ params: { region_id: it.spareRegion } }),

  'GET /v3/services': nothing,
  'POST /v3/services': () => ({ body: { service: { type: fresh(), enabled: false } } }),
  'GET /v3/services/{service_id}': (it) => ({ params: { service_id: it.catalogService } }),
  'PATCH /v3/services/{service_id}': (it) => ({
    params: { service_id: it.catalogService },
    body: { service: { description: 'changed' } },
  }),
  'DELETE /v3/services/{service_id}': (it) => ({ params: { service_id: it.spareService } }),

  'GET /v3/endpoints': nothing,
  'POST /v3/endpoints': (it) => ({
    body: { endpoint: { service_id: it.catalogService, interface: 'admin', url: 'http://new.test', enabled: false } },
  }),
  'GET /v3/endpoints/{endpoint_id}': (it) => ({ params: { endpoint_id: it.catalogEndpoint } }),
  'PATCH /v3/endpoints/{endpoint_id}': (it) => ({
    params: { endpoint_id: it.catalogEndpoint },
    body: { endpoint: { description: 'changed' } },
  }),
  'DELETE /v3/endpoints/{endpoint_id}': (it) => ({ params: { endpoint_id: it.spareEndpoint } }),
};
