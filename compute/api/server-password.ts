import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { forgetServerPassword, getServerPassword } from '../metadata/password.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverPasswordPolicy = definePolicy({
  'os_compute_api:os-server-password:show': projectReader('Show the password that a server told'),
  'os_compute_api:os-server-password:clear': projectMember('Forget the password that a server told'),
});

const path = '/v2.1/servers/{server_id}/os-server-password';

export const serverPasswordRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path,
    rule: serverPasswordPolicy['os_compute_api:os-server-password:show'],
    summary: 'Show the password that a server told, encrypted for its owner',
    status: 200,
    handler: async ({ ctx, params }) => ({ password: await getServerPassword(db, ctx, params.server_id ?? '') }),
  }),
  route({
    method: 'DELETE',
    path,
    rule: serverPasswordPolicy['os_compute_api:os-server-password:clear'],
    summary: 'Forget the password that a server told, so that it may tell another',
    status: 204,
    async handler({ ctx, params }, h) {
      await forgetServerPassword(db, ctx, params.server_id ?? '');
      return noContent(h);
    },
  }),
];
