import type { Calls, MakeCall } from '../call.ts';

const program = {
  notCalled: 'a page of the program, the same for everybody; what it shows wants a token of a console',
};
const headers = { 'openstack-api-version': 'compute 2.96' };
const remote =
  (protocol: string, type: string): MakeCall =>
  (it) => ({ headers, params: { server_id: it.server }, body: { remote_console: { protocol, type } } });

export const consoleCalls: Calls = {
  'GET /': program,
  'GET /vnc.html': program,
  'GET /serial.html': program,
};

/** Those of compute that are about consoles. */
export const computeConsoleCalls: Calls = {
  'POST /v2.1/servers/{server_id}/remote-consoles': [remote('vnc', 'novnc'), remote('serial', 'serial')],
  'GET /v2.1/os-console-auth-tokens/{console_token}': (it) => ({ headers, params: { console_token: it.consoleToken } }),
};
