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

  ...endpointFilter('/v3/OS-EP-FILTER'),
  ...policies('/v3/policies'),
  ...limits(),
};

function endpointFilter(base: string): Calls {
  const group: MakeCall = (it) => ({ params: { endpoint_group_id: it.endpointGroup } });
  const project: MakeCall = (it) => ({ params: { project_id: it.filteredProject } });
  const ofProject: MakeCall = (it) => ({
    params: { project_id: it.filteredProject, endpoint_id: it.catalogEndpoint },
  });
  const groupOfProject: MakeCall = (it) => ({
    params: { project_id: it.filteredProject, endpoint_group_id: it.endpointGroup },
  });
  return {
    [`GET ${base}/endpoint_groups`]: nothing,
    [`POST ${base}/endpoint_groups`]: (it) => ({
      body: { endpoint_group: { name: fresh(), filters: { service_id: it.catalogService } } },
    }),
    [`GET ${base}/endpoint_groups/{endpoint_group_id}`]: group,
    [`PATCH ${base}/endpoint_groups/{endpoint_group_id}`]: (it) => ({
      params: { endpoint_group_id: it.endpointGroup },
      body: { endpoint_group: { description: 'changed' } },
    }),
    [`DELETE ${base}/endpoint_groups/{endpoint_group_id}`]: (it) => ({
      params: { endpoint_group_id: it.spareEndpointGroup },
    }),
    [`GET ${base}/endpoint_groups/{endpoint_group_id}/endpoints`]: group,
    [`GET ${base}/endpoint_groups/{endpoint_group_id}/projects`]: group,
    [`GET ${base}/endpoints/{endpoint_id}/projects`]: (it) => ({ params: { endpoint_id: it.catalogEndpoint } }),
    [`GET ${base}/projects/{project_id}/endpoints`]: project,
    [`GET ${base}/projects/{project_id}/endpoint_groups`]: project,
    [`GET ${base}/projects/{project_id}/endpoints/{endpoint_id}`]: ofProject,
    [`PUT ${base}/projects/{project_id}/endpoints/{endpoint_id}`]: (it) => ({
      params: { project_id: it.filteredProject, endpoint_id: it.spareEndpoint },
    }),
    [`DELETE ${base}/projects/{project_id}/endpoints/{endpoint_id}`]: ofProject,
    [`GET ${base}/endpoint_groups/{endpoint_group_id}/projects/{project_id}`]: groupOfProject,
    [`PUT ${base}/endpoint_groups/{endpoint_group_id}/projects/{project_id}`]: (it) => ({
      params: { project_id: it.filteredProject, endpoint_group_id: it.spareEndpointGroup },
    }),
    [`DELETE ${base}/endpoint_groups/{endpoint_group_id}/projects/{project_id}`]: groupOfProject,
  };
}

function policies(base: string): Calls {
  const policy: MakeCall = (it) => ({ params: { policy_id: it.storedPolicy } });
  const associations = `${base}/{policy_id}/OS-ENDPOINT-POLICY`;
  const association = (path: string, make: (it: Parameters<MakeCall>[0]) => Record<string, string>): Calls => {
    const call: MakeCall = (it) => ({ params: { policy_id: it.storedPolicy, ...make(it) } });
    return {
      [`PUT ${associations}/${path}`]: call,
      [`GET ${associations}/${path}`]: call,
      [`DELETE ${associations}/${path}`]: call,
    };
  };
  return {
    [`GET ${base}`]: nothing,
    [`POST ${base}`]: () => ({ body: { policy: { type: fresh(), blob: '{}' } } }),
    [`GET ${base}/{policy_id}`]: policy,
    [`PATCH ${base}/{policy_id}`]: (it) => ({
      params: { policy_id: it.storedPolicy },
      body: { policy: { blob: '{"changed": "@"}' } },
    }),
    [`DELETE ${base}/{policy_id}`]: (it) => ({ params: { policy_id: it.sparePolicy } }),
    [`GET ${associations}/endpoints`]: policy,
    'GET /v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy': (it) => ({
      params: { endpoint_id: it.catalogEndpoint },
    }),
    ...association('endpoints/{endpoint_id}', (it) => ({ endpoint_id: it.catalogEndpoint })),
    ...association('services/{service_id}', (it) => ({ service_id: it.catalogService })),
    ...association('services/{service_id}/regions/{region_id}', (it) => ({
      service_id: it.catalogService,
      region_id: it.region,
    })),
  };
}

function limits(): Calls {
  return {
    'GET /v3/registered_limits': nothing,
    'POST /v3/registered_limits': (it) => ({
      body: { registered_limits: [{ service_id: it.limitedService, resource_name: fresh(), default_limit: 1 }] },
    }),
    'GET /v3/registered_limits/{registered_limit_id}': (it) => ({
      params: { registered_limit_id: it.registeredLimit },
    }),
    'PATCH /v3/registered_limits/{registered_limit_id}': (it) => ({
      params: { registered_limit_id: it.spareRegisteredLimit },
      body: { registered_limit: { default_limit: 11 } },
    }),
    'DELETE /v3/registered_limits/{registered_limit_id}': (it) => ({
      params: { registered_limit_id: it.spareRegisteredLimit },
    }),
    'GET /v3/limits/model': nothing,
    'GET /v3/limits': [nothing, (it) => ({ query: { project_id: it.project } })],
    'POST /v3/limits': (it) => ({
      body: {
        limits: [
          {
            service_id: it.limitedService,
            resource_name: 'boxes',
            resource_limit: 1,
            project_id: it.filteredProject,
          },
        ],
      },
    }),
    'GET /v3/limits/{limit_id}': (it) => ({ params: { limit_id: it.limit } }),
    'PATCH /v3/limits/{limit_id}': (it) => ({
      params: { limit_id: it.limit },
      body: { limit: { description: 'changed' } },
    }),
    'DELETE /v3/limits/{limit_id}': (it) => ({ params: { limit_id: it.spareLimit } }),
  };
}
