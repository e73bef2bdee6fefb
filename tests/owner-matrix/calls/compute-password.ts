/** The password that a server told. */
import type { Calls } from '../call.ts';

export const serverPasswordCalls: Calls = {
  'GET /v2.1/servers/{server_id}/os-server-password': (it) => ({ params: { server_id: it.server } }),
  'DELETE /v2.1/servers/{server_id}/os-server-password': (it) => ({ params: { server_id: it.server } }),
};
