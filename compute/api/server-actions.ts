import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { consoleOutput, deleteServer, rebootServer, startServer, stopServer } from '../servers/operations.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const serverActionPolicy = definePolicy({
  'os_compute_api:servers:action': projectReader('Reach a server to act on it; each action has a rule of its own'),
  'os_compute_api:servers:start': projectMember('Start a server'),
  'os_compute_api:servers:stop': projectMember('Stop a server'),
  'os_compute_api:servers:reboot': projectMember('Reboot a server'),
  'os_compute_api:os-deferred-delete:force': projectMember('Delete a server at once'),
  'os_compute_api:os-console-output': projectMember("Read a server's console"),
});

const ruleOf = {
  'os-start': serverActionPolicy['os_compute_api:servers:start'],
  'os-stop': serverActionPolicy['os_compute_api:servers:stop'],
  reboot: serverActionPolicy['os_compute_api:servers:reboot'],
  forceDelete: serverActionPolicy['os_compute_api:os-deferred-delete:force'],
  'os-getConsoleOutput': serverActionPolicy['os_compute_api:os-console-output'],
} as const;

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
  closed,
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
      const [action, ...others] = Object.keys(body) as (keyof typeof body)[];
      if (action === undefined || others.length > 0)
        throw new BadRequest('There must be exactly one action in the body.');
      deps.enforcer.authorize(ctx, ruleOf[action]);
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
