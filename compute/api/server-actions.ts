import type { ResponseObject } from '@hapi/hapi';
import { type TSchema, Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { NoDryRun } from '../../common/http/carry-out.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';
import { tellingHosts } from './no-valid-host.ts';
import type { ServerActionSpec } from './server-actions/action.ts';
import { consoleActions } from './server-actions/consoles.ts';
import { diskActionPolicy, diskActions } from './server-actions/disks.ts';
import { floatingIpActionPolicy, floatingIpActions } from './server-actions/floating-ips.ts';
import { guestActionPolicy, guestActions } from './server-actions/guests.ts';
import { imageActionPolicy, imageActions } from './server-actions/images.ts';
import { interfaceActionPolicy, interfaceActions } from './server-actions/interfaces.ts';
import { moveActionPolicy, moveActions } from './server-actions/moves.ts';
import { powerActionPolicy, powerActions } from './server-actions/power.ts';
import { shelvingActionPolicy, shelvingActions } from './server-actions/shelving.ts';
import { stateActionPolicy, stateActions } from './server-actions/states.ts';

export const serverActionPolicy = {
  ...definePolicy({
    'os_compute_api:servers:action': projectReader('Reach a server to act on it; each action has a rule of its own'),
  }),
  ...powerActionPolicy,
  ...stateActionPolicy,
  ...diskActionPolicy,
  ...imageActionPolicy,
  ...interfaceActionPolicy,
  ...floatingIpActionPolicy,
  ...shelvingActionPolicy,
  ...guestActionPolicy,
  ...moveActionPolicy,
};

const actions: Readonly<Record<string, ServerActionSpec>> = {
  ...powerActions,
  ...stateActions,
  ...diskActions,
  ...imageActions,
  ...interfaceActions,
  ...floatingIpActions,
  ...shelvingActions,
  ...guestActions,
  ...consoleActions,
  ...moveActions,
};

/** Of Xen alone, and gone from Nova with it, whatever the server (nova/api/openstack/compute/admin_actions.py). */
const goneActions = ['resetNetwork', 'injectNetworkInfo'];

const ServerAction = Type.Object(
  {
    ...Object.fromEntries(Object.entries(actions).map(([name, { value }]) => [name, Type.Optional(value as TSchema)])),
    ...Object.fromEntries(goneActions.map((name) => [name, Type.Optional(Type.Unknown())])),
  },
  closed,
);

export const serverActionRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/servers/{server_id}/action',
    rule: serverActionPolicy['os_compute_api:servers:action'],
    summary: `Act on a server: ${Object.keys(actions).join(', ')}`,
    body: ServerAction,
    async dryRun({ ctx, params, body }, run) {
      const [name = ''] = Object.keys(body);
      const tell = actions[name]?.dryRun;
      if (tell === undefined) throw new NoDryRun(`There is no dry run of ${name}; nothing was done.`);
      return tell({ deps, ctx, id: params.server_id ?? '' }, run);
    },
    withoutKey: 'actions of servers may wait for their hosts',
    status: 202, // some answer otherwise, with what was asked for
    async handler({ ctx, params, body, version }, h) {
      const [[name, value] = [], ...others] = Object.entries(body);
      if (name === undefined || others.length > 0)
        throw new BadRequest('There must be exactly one action in the body.');
      if (goneActions.includes(name)) {
        const message = 'This resource is no longer available. No forwarding address is given.';
        return h.response({ computeFault: { code: 410, message } }).code(410);
      }
      const action = actions[name];
      if (action === undefined || !isInForce(action, version)) throw new BadRequest(`There is no such action: ${name}`);
      deps.enforcer.authorize(ctx, action.rule);
      const id = params.server_id ?? '';
      const answer = await tellingHosts(deps, ctx, async () => action.run({ deps, ctx, id, value, version, h }));
      return (answer as ResponseObject | undefined) ?? h.response().code(202);
    },
  }),
];

function isInForce({ from, to }: ServerActionSpec, version: Version): boolean {
  return (from === undefined || since(version, ...from)) && (to === undefined || !since(version, to[0], to[1] + 1));
}
