import { Type } from 'typebox';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { consoleOutput } from '../../servers/console.ts';
import { changePower, type PowerAction, rebootServer } from '../../servers/power.ts';
import { closed } from '../fields.ts';
import { Anything, action } from './action.ts';

export const powerActionPolicy = definePolicy({
  'os_compute_api:servers:start': projectMember('Start a server'),
  'os_compute_api:servers:stop': projectMember('Stop a server'),
  'os_compute_api:servers:reboot': projectMember('Reboot a server'),
  'os_compute_api:os-pause-server:pause': projectMember('Pause a server'),
  'os_compute_api:os-pause-server:unpause': projectMember('Let a paused server go on'),
  'os_compute_api:os-suspend-server:suspend': projectMember('Suspend a server'),
  'os_compute_api:os-suspend-server:resume': projectMember('Resume a suspended server'),
  'os_compute_api:os-console-output': projectMember("Read a server's console"),
});

type PowerRule = keyof typeof powerActionPolicy;

const power = (name: PowerAction, rule: PowerRule) =>
  action({
    rule: powerActionPolicy[rule],
    value: Anything,
    run: ({ deps, ctx, id }) => changePower(deps, ctx, id, name),
  });

export const powerActions = {
  'os-start': power('start', 'os_compute_api:servers:start'),
  'os-stop': power('stop', 'os_compute_api:servers:stop'),
  pause: power('pause', 'os_compute_api:os-pause-server:pause'),
  unpause: power('unpause', 'os_compute_api:os-pause-server:unpause'),
  suspend: power('suspend', 'os_compute_api:os-suspend-server:suspend'),
  resume: power('resume', 'os_compute_api:os-suspend-server:resume'),
  reboot: action({
    rule: powerActionPolicy['os_compute_api:servers:reboot'],
    value: Type.Object({ type: Type.String({ pattern: '^([Ss][Oo][Ff][Tt]|[Hh][Aa][Rr][Dd])$' }) }, closed),
    run: ({ deps, ctx, id, value }) => rebootServer(deps, ctx, id, value.type.toUpperCase() as 'SOFT' | 'HARD'),
  }),
  'os-getConsoleOutput': action({
    rule: powerActionPolicy['os_compute_api:os-console-output'],
    value: Type.Object(
      {
        length: Type.Optional(
          Type.Union([Type.Null(), Type.Integer({ minimum: -1 }), Type.String({ pattern: '^(-1|[0-9]{0,9})$' })]),
        ),
      },
      closed,
    ),
    run: async ({ deps, ctx, id, value, h }) =>
      h.response({ output: await consoleOutput(deps, ctx, id, lineCount(value.length)) }),
  }),
};

/** -1, null and an empty string ask for everything. */
function lineCount(length: number | string | null | undefined): number | undefined {
  if (length === null || length === undefined || length === '' || Number(length) === -1) return undefined;
  return Number(length);
}
