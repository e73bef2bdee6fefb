import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectMember } from '../../common/policy/rules.ts';
import { consoleOutput, deleteServer, rebootServer, startServer, stopServer } from '../servers/operations.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const serverActionPolicy = definePolicy({
  'os_compute_api:servers:action': projectMember('Act on a server: start, stop, reboot, forceDelete, read its console'),
});

const Anything = Type.Unknown(); // Nova takes null and whatever else clients put there
const ServerAction = Type.Object(
  {
    'os-start': Type.Optional(Anything),
    'os-stop': Type.Optional(Anything),
    forceDelete: Type.Optional(Anything),
    reboot: Type.Optional(
      Type.Object({ type: Type.String({ pattern: '^([Ss][Oo][Ff][Tt]|[Hh][Aa][Rr][Dd])$' }) }, closed),
    ),
    'os-getConsoleOutput': Type.Optional(
      Type.Object(
        {
          length: Type.Optional(
            Type.Union([Type.Null(), Type.Integer({ minimum: -1 }), Type.String({ pattern: '^(-1|[0-9]{0,9})$' })]),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed },
);

export const serverActionRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/servers/{server_id}/action',
    rule: serverActionPolicy['os_compute_api:servers:action'],
    summary: 'Act on a server: os-start, os-stop, reboot, forceDelete, os-getConsoleOutput',
    body: ServerAction,
    status: 202, // 200 for os-getConsoleOutput
    async handler({ ctx, params, body }, h) {
      const id = params.server_id ?? '';
      const keys = Object.keys(body);
      if (keys.length !== 1) throw new BadRequest('There must be exactly one action in the body.');
      if ('os-getConsoleOutput' in body) {
        const output = await consoleOutput(deps, ctx, id, lineCount(body['os-getConsoleOutput']?.length));
        return h.response({ output });
      }
      if (body.reboot) await rebootServer(deps, ctx, id, body.reboot.type.toUpperCase() as 'SOFT' | 'HARD');
      else if ('os-start' in body) await startServer(deps, ctx, id);
      else if ('os-stop' in body) await stopServer(deps, ctx, id);
      else await deleteServer(deps, ctx, id);
      return h.response().code(202);
    },
  }),
];

/** -1, null and an empty string ask for everything. */
function lineCount(length: number | string | null | undefined): number | undefined {
  if (length === null || length === undefined || length === '' || Number(length) === -1) return undefined;
  return Number(length);
}
