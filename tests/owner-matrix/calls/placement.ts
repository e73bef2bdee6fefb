/** Placement: hosts as resource providers, for administrators; what a project uses, for its readers. */
import { randomUUID } from 'node:crypto';
import type { Calls, MakeCall } from '../call.ts';
import type { Things } from '../things.ts';

const headers = { 'openstack-api-version': 'placement 1.39' };

const plain: MakeCall = () => ({ headers });
const provider =
  (more: object = {}): MakeCall =>
  (it: Things) => ({ headers, params: { uuid: it.computeService }, ...more });
const memory =
  (more: object = {}): MakeCall =>
  (it: Things) => ({ headers, params: { uuid: it.computeService, resource_class: 'MEMORY_MB' }, ...more });
const named =
  (name: string, more: object = {}): MakeCall =>
  () => ({ headers, params: { name }, ...more });

/** It is made once, by whoever asks first. */
const fresh = () => `CUSTOM_${randomUUID().toUpperCase().replaceAll('-', '_')}`;

/** As nobody knows here how far the host's inventories are, they are asked for in vain. */
const conflict = { status: 409 };
const generation = { resource_provider_generation: 1_000_000 };

export const placementCalls: Calls = {
  'GET /': { notCalled: 'The versions are the same for everybody.' },
  'GET /resource_providers': [plain, () => ({ headers, query: { resources: 'VCPU:1', required: 'COMPUTE_NODE' } })],
  'POST /resource_providers': () => ({ headers, body: { name: 'new' }, ...conflict }),
  'GET /resource_providers/{uuid}': provider(),
  'PUT /resource_providers/{uuid}': provider({ body: { name: 'another' }, ...conflict }),
  'DELETE /resource_providers/{uuid}': provider(conflict),
  'GET /resource_providers/{uuid}/inventories': provider(),
  'PUT /resource_providers/{uuid}/inventories': provider({
    body: { ...generation, inventories: { MEMORY_MB: { total: 1024, reserved: 1, allocation_ratio: 1.5 } } },
    ...conflict,
  }),
  'DELETE /resource_providers/{uuid}/inventories': provider(conflict),
  'GET /resource_providers/{uuid}/inventories/{resource_class}': memory(),
  'PUT /resource_providers/{uuid}/inventories/{resource_class}': memory({
    body: { ...generation, total: 1024, reserved: 1, allocation_ratio: 1.5 },
    ...conflict,
  }),
  'DELETE /resource_providers/{uuid}/inventories/{resource_class}': memory(conflict),
  'GET /resource_providers/{uuid}/usages': provider(),
  'GET /resource_providers/{uuid}/aggregates': provider(),
  'GET /resource_providers/{uuid}/traits': provider(),
  'PUT /resource_providers/{uuid}/traits': provider({ body: { ...generation, traits: ['COMPUTE_NODE'] }, ...conflict }),
  'DELETE /resource_providers/{uuid}/traits': provider(),
  'GET /resource_providers/{uuid}/allocations': provider(),
  'GET /allocations/{consumer_uuid}': (it) => ({ headers, params: { consumer_uuid: it.server } }),
  'GET /allocation_candidates': () => ({ headers, query: { resources: 'VCPU:1', limit: '1' } }),
  'GET /usages': (it) => ({ headers, query: { project_id: it.project } }),
  'GET /traits': [plain, () => ({ headers, query: { name: 'startswith:CUSTOM' } })],
  'GET /traits/{name}': named('COMPUTE_NODE', { status: 204 }),
  'PUT /traits/{name}': named('CUSTOM_NEW'),
  'DELETE /traits/{name}': named('CUSTOM_NEW'),
  'GET /resource_classes': plain,
  'POST /resource_classes': () => ({ headers, body: { name: fresh() } }),
  'GET /resource_classes/{name}': named('VCPU'),
  'PUT /resource_classes/{name}': named('CUSTOM_NEW'),
  'DELETE /resource_classes/{name}': named('CUSTOM_NEW'),
};
