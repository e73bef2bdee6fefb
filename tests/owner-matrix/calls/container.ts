import type { Call, Calls, MakeCall } from '../call.ts';
import type { Thing, Things } from '../things.ts';

const headers = { 'openstack-api-version': 'container 1.39' };
const nothing: MakeCall = () => ({ headers });
const container =
  (thing: Thing = 'container', call: Call = {}): MakeCall =>
  (it) => ({
    params: { container_ident: it[thing] },
    headers,
    ...call,
  });
const newContainer =
  (more: (it: Things) => object): MakeCall =>
  (it) => ({
    headers,
    body: { image: it.containerImage, cpu: 1, memory: 64, ...more(it) },
  });
const quota =
  (query: Record<string, string> = {}): MakeCall =>
  (it) => ({
    params: { project_id: it.project },
    headers,
    query,
  });

export const containerCalls: Calls = {
  'GET /': nothing,
  'GET /v1': nothing,
  'GET /v1/containers': [
    nothing,
    (it) => ({ headers, query: { marker: it.container } }),
    (it) => ({ headers, query: { name: it.containerName } }),
    (it) => ({ headers, query: { project_id: it.project } }),
    (it) => ({ headers, query: { image: it.containerImage } }),
  ],
  'POST /v1/containers': [
    newContainer((it) => ({ nets: [{ network: it.network }], security_groups: [it.securityGroup] })),
    newContainer((it) => ({ nets: [{ port: it.containerPort }] })),
    newContainer((it) => ({ nets: [{ network: it.networkName }], security_groups: [it.securityGroupName] })),
  ],
  'GET /v1/containers/{container_ident}': [container(), container('containerName')],
  'DELETE /v1/containers/{container_ident}': container('spareContainer'),
  'POST /v1/containers/{container_ident}/start': container('stoppedContainer'),
  'POST /v1/containers/{container_ident}/stop': container(),
  'POST /v1/containers/{container_ident}/reboot': [container(), container('containerName')],
  'POST /v1/containers/{container_ident}/kill': container(),
  'GET /v1/containers/{container_ident}/logs': container(),
  'POST /v1/containers/{container_ident}/execute': container('stoppedContainer', { query: { command: 'true' } }),
  'GET /v1/quotas/{project_id}': [quota(), quota({ usages: 'true' })],
  'GET /v1/quotas/{project_id}/defaults': quota(),
};
