import type { Calls } from '../call.ts';

const program = { notCalled: 'a file of the program, which its own tests read; nothing in it is anybody’s' };

export const dashboardCalls: Calls = {
  'GET /': program,
  'GET /files/{name}': program,
  'GET /{path*}': program,
  'POST /sso': program,
};
