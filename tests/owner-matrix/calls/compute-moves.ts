/** Servers' ways from host to host. There is one host, so that none is begun. */
import type { Calls, MakeCall } from '../call.ts';

const headers = { 'openstack-api-version': 'compute 2.96' };

const act =
  (body: object): MakeCall =>
  (it) => ({ headers, params: { server_id: it.server }, body, status: 400, by: 'admin' });

export const moveActionCalls: MakeCall[] = [
  act({ migrate: null }),
  act({ 'os-migrateLive': { block_migration: 'auto', host: null } }),
  act({ evacuate: {} }),
];

const move =
  (more: object = {}): MakeCall =>
  (it) => ({ headers, params: { server_id: it.movingServer, migration_id: it.migration }, ...more });

export const computeMoveCalls: Calls = {
  'GET /v2.1/os-migrations': (it) => ({ headers, query: { instance_uuid: it.movingServer } }),
  'GET /v2.1/servers/{server_id}/migrations': (it) => ({ headers, params: { server_id: it.movingServer } }),
  'GET /v2.1/servers/{server_id}/migrations/{migration_id}': move(),
  // It is not really on its way.
  'POST /v2.1/servers/{server_id}/migrations/{migration_id}/action': move({
    body: { force_complete: null },
    status: 409,
  }),
  'DELETE /v2.1/servers/{server_id}/migrations/{migration_id}': move(),
};
