import { Type } from 'typebox';
import { NotFound, Unauthorized } from '../../common/errors.ts';
import { since } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectMember } from '../../common/policy/rules.ts';
import { findConsoleToken } from '../consoles/tokens.ts';
import { openableConsole } from '../servers/console.ts';
import { checkBody, requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const remoteConsolePolicy = definePolicy({
  'os_compute_api:os-remote-consoles': projectMember('Open a console of a server'),
  'os_compute_api:os-console-auth-tokens': projectAdmin('See what a console token is for'),
});

/** nova/api/openstack/compute/schemas/remote_consoles.py, `create_v26` and `create_v28`. */
const RemoteConsole = (protocols: string[], types: string[]) =>
  Type.Object(
    {
      remote_console: Type.Object(
        {
          protocol: Type.Union(protocols.map((word) => Type.Literal(word))),
          type: Type.Union(types.map((word) => Type.Literal(word))),
        },
        closed,
      ),
    },
    closed,
  );
const protocols = ['vnc', 'spice', 'rdp', 'serial'];
const types = ['novnc', 'xvpvnc', 'rdp-html5', 'spice-html5', 'serial'];
const WithoutMks = RemoteConsole(protocols, types);
const WithMks = RemoteConsole([...protocols, 'mks'], [...types, 'webmks']);

export const remoteConsoleRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/servers/{server_id}/remote-consoles',
    rule: remoteConsolePolicy['os_compute_api:os-remote-consoles'],
    summary: 'Open a console of a server, from 2.6 on: gives an address that can be used once, soon',
    body: WithMks,
    status: 200,
    async handler({ ctx, params, body, version }) {
      requireSince(version, 6);
      checkBody(version, body, [WithoutMks, [8, WithMks]]);
      const asked = body.remote_console;
      return { remote_console: { ...asked, url: await openableConsole(deps, ctx, params.server_id ?? '', asked) } };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-console-auth-tokens/{console_token}',
    rule: remoteConsolePolicy['os_compute_api:os-console-auth-tokens'],
    summary: 'What a console token is for, while it was not used',
    isPathSecret: true,
    status: 200,
    async handler({ params, version }) {
      const found = await findConsoleToken(deps.db, params.console_token ?? '');
      if (found === undefined) throw new UnknownToken();
      // Before 2.31 it was for RDP alone, and for others 401 (nova/api/openstack/compute/console_auth_tokens.py).
      if (!since(version, 2, 31)) throw new Unauthorized('The requested console type details are not accessible');
      const { serverId, hostName } = found;
      // Nothing listens on hosts: the way to the console is ours alone.
      return { console: { instance_uuid: serverId, host: hostName, port: null, internal_access_path: null } };
    },
  }),
];

/** Without the token in it. */
class UnknownToken extends NotFound {
  constructor() {
    super('Token', '');
    this.message = 'Token not found';
  }
}
