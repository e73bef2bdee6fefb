import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectMember, projectReader } from '../../common/policy/rules.ts';
import { createServerGroup } from '../server-groups/operations.ts';
import type { GroupPolicy, ServerGroup } from '../server-groups/server-group.ts';
import { deleteServerGroup, getServerGroup, listServerGroups } from '../server-groups/store.ts';
import { checkBody, checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { Count, closed, Name } from './fields.ts';
import { sliceOf } from './slices.ts';

export const serverGroupPolicy = definePolicy({
  'os_compute_api:os-server-groups:index': projectReader('List server groups'),
  'os_compute_api:os-server-groups:index:all_projects': projectAdmin('List the server groups of all projects'),
  'os_compute_api:os-server-groups:show': projectReader('Show a server group'),
  'os_compute_api:os-server-groups:create': projectMember('Create a server group'),
  'os_compute_api:os-server-groups:delete': projectMember('Delete a server group'),
});

const [affinity, antiAffinity] = [Type.Literal('affinity'), Type.Literal('anti-affinity')];
const HardPolicy = Type.Union([affinity, antiAffinity]);
const Policy = Type.Union([affinity, antiAffinity, Type.Literal('soft-affinity'), Type.Literal('soft-anti-affinity')]);
const withPolicies = <P extends typeof HardPolicy | typeof Policy>(policy: P) =>
  Type.Object(
    {
      server_group: Type.Object({ name: Name, policies: Type.Array(policy, { minItems: 1, maxItems: 1 }) }, closed),
    },
    closed,
  );
const HardOnly = withPolicies(HardPolicy);
/** From 2.15. */
const WithSoft = withPolicies(Policy);
/** From 2.64. */
const WithRules = Type.Object(
  {
    server_group: Type.Object(
      {
        name: Name,
        policy: Policy,
        rules: Type.Optional(Type.Object({ max_server_per_host: Type.Optional(Count(1)) }, closed)),
      },
      closed,
    ),
  },
  closed,
);

export const serverGroupRoutes = ({ db, region, enforcer }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-server-groups',
    rule: serverGroupPolicy['os_compute_api:os-server-groups:index'],
    summary: 'List server groups; for administrators `all_projects`',
    status: 200,
    async handler({ ctx, query, version }) {
      checkQuery(version, query, ['all_projects', 'limit', 'offset']);
      const everyone = query.all_projects !== undefined && ctx.isAdmin;
      if (everyone) enforcer.authorize(ctx, serverGroupPolicy['os_compute_api:os-server-groups:index:all_projects']);
      const visible = everyone ? 'everyone' : { projectId: ctx.projectId };
      const groups = await listServerGroups(db, visible, sliceOf(query));
      return { server_groups: groups.map((group) => serverGroupView(group, version)) };
    },
  }),
  route({
    method: 'POST',
    path: '/v2.1/os-server-groups',
    rule: serverGroupPolicy['os_compute_api:os-server-groups:create'],
    summary: 'Create a server group',
    body: Type.Union([WithSoft, WithRules]),
    status: 200,
    async handler({ ctx, body, version }) {
      checkBody(version, body, [HardOnly, [15, WithSoft], [64, WithRules]]);
      const asked = body.server_group;
      const group = await createServerGroup({ db, region }, ctx, {
        name: asked.name,
        policy: 'policies' in asked ? (asked.policies[0] as GroupPolicy) : asked.policy,
        mostPerHost: 'policies' in asked ? null : mostPerHostOf(asked.rules),
      });
      return { server_group: serverGroupView(group, version) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-server-groups/{server_group_id}',
    rule: serverGroupPolicy['os_compute_api:os-server-groups:show'],
    summary: 'Show a server group',
    status: 200,
    async handler({ ctx, params, version }) {
      const group = await getServerGroup(db, visibleTo(ctx), params.server_group_id ?? '');
      return { server_group: serverGroupView(group, version) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/os-server-groups/{server_group_id}',
    rule: serverGroupPolicy['os_compute_api:os-server-groups:delete'],
    summary: 'Delete a server group; its servers stay',
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteServerGroup(db, visibleTo(ctx), params.server_group_id ?? '');
      return noContent(h);
    },
  }),
];

function mostPerHostOf(rules: { max_server_per_host?: number | string } = {}): number | null {
  const asked = rules.max_server_per_host;
  if (asked === undefined) return null;
  const most = Number(asked);
  if (most >= 1 && most <= 0x7fffffff) return most;
  throw new BadRequest(`Invalid input for field/attribute max_server_per_host. Value: ${asked}.`);
}

function serverGroupView(group: ServerGroup, version: Version) {
  const { mostPerHost } = group;
  const wanted = since(version, 2, 64)
    ? { policy: group.policy, rules: mostPerHost === null ? {} : { max_server_per_host: mostPerHost } }
    : { policies: [group.policy], metadata: {} };
  return {
    id: group.id,
    name: group.name,
    ...wanted,
    members: group.members,
    ...(since(version, 2, 13) && { project_id: group.projectId, user_id: group.userId }),
  };
}
