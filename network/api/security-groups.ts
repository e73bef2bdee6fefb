import { type Static, Type } from 'typebox';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { networkPolicy } from '../policy.ts';
import { ensureDefaultGroup } from '../security-groups/default-group.ts';
import {
  createRules,
  createSecurityGroup,
  deleteRule,
  deleteSecurityGroup,
  updateSecurityGroup,
} from '../security-groups/operations.ts';
import type { NewRule, SecurityGroup, SecurityGroupRule } from '../security-groups/security-group.ts';
import {
  groupFromRow,
  type RuleRow,
  ruleFromRow,
  type SecurityGroupRow,
  visibleGroups,
  visibleRules,
} from '../security-groups/store.ts';
import { address, asked, closed, description, name, nullable, oneOrMany, projectId, uuid } from './bodies.ts';
import type { ApiDeps } from './deps.ts';
import { type Listing, tagFilters } from './listing.ts';
import { deleteRoute, readRoutes } from './resource.ts';

const changeable = { name: Type.Optional(name), description: Type.Optional(description) };
const owner = { project_id: Type.Optional(projectId), tenant_id: Type.Optional(projectId) };
const port = Type.Integer({ minimum: 0, maximum: 65535 });
const Rule = Type.Object(
  {
    security_group_id: uuid,
    direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
    ethertype: Type.Optional(nullable(Type.Union([Type.Literal('IPv4'), Type.Literal('IPv6')]))),
    protocol: Type.Optional(nullable(Type.Union([Type.String({ maxLength: 40 }), Type.Integer()]))),
    port_range_min: Type.Optional(nullable(port)),
    port_range_max: Type.Optional(nullable(port)),
    remote_ip_prefix: Type.Optional(nullable(address)),
    remote_group_id: Type.Optional(nullable(uuid)),
    description: Type.Optional(description),
    ...owner,
  },
  closed,
);

const groupListing: Listing = {
  collection: 'security_groups',
  idColumn: 'g.id',
  attributes: {
    id: { column: 'g.id', kind: 'uuid', sortable: true },
    name: { column: 'g.name', kind: 'text', sortable: true },
    description: { column: 'g.description', kind: 'text' },
    project_id: { column: 'g.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'g.project_id', kind: 'text', sortable: true },
  },
  filters: tagFilters('g.id'),
};

const ruleListing: Listing = {
  collection: 'security_group_rules',
  idColumn: 'r.id',
  attributes: {
    id: { column: 'r.id', kind: 'uuid', sortable: true },
    security_group_id: { column: 'r.security_group_id', kind: 'uuid', sortable: true },
    project_id: { column: 'r.project_id', kind: 'text', sortable: true },
    tenant_id: { column: 'r.project_id', kind: 'text', sortable: true },
    direction: { column: 'r.direction', kind: 'text', sortable: true },
    ethertype: { column: 'r.ethertype', kind: 'text', sortable: true },
    protocol: { column: 'r.protocol', kind: 'text' },
    port_range_min: { column: 'r.port_range_min', kind: 'integer' },
    port_range_max: { column: 'r.port_range_max', kind: 'integer' },
    remote_ip_prefix: { column: 'r.remote_ip_prefix', kind: 'address' },
    remote_group_id: { column: 'r.remote_group_id', kind: 'uuid' },
    description: { column: 'r.description', kind: 'text' },
  },
};

function ruleView(rule: SecurityGroupRule) {
  return {
    id: rule.id,
    project_id: rule.projectId,
    tenant_id: rule.projectId,
    security_group_id: rule.securityGroupId,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.portRangeMin,
    port_range_max: rule.portRangeMax,
    remote_ip_prefix: rule.remoteIpPrefix,
    remote_group_id: rule.remoteGroupId,
    description: rule.description,
    created_at: isoSeconds(rule.createdAt),
    updated_at: isoSeconds(rule.createdAt),
    revision_number: 0, // a rule never changes
  };
}

function groupView(group: SecurityGroup) {
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    project_id: group.projectId,
    tenant_id: group.projectId,
    stateful: true,
    shared: false,
    security_group_rules: group.rules.map(ruleView),
    tags: group.tags,
    created_at: isoSeconds(group.createdAt),
    updated_at: isoSeconds(group.updatedAt),
    revision_number: group.revision,
  };
}

function ruleOf(body: Static<typeof Rule>): NewRule {
  return {
    securityGroupId: body.security_group_id,
    direction: body.direction,
    ethertype: body.ethertype ?? 'IPv4',
    protocol: body.protocol === undefined || body.protocol === null ? null : String(body.protocol),
    portRangeMin: body.port_range_min ?? null,
    portRangeMax: body.port_range_max ?? null,
    remoteIpPrefix: body.remote_ip_prefix ?? null,
    remoteGroupId: body.remote_group_id ?? null,
    description: body.description ?? '',
  };
}

export const securityGroupRoutes = (deps: ApiDeps) => [
  ...readRoutes(deps, {
    listing: groupListing,
    member: 'security_group',
    resource: 'Security Group',
    rule: networkPolicy.get_security_group,
    rows: visibleGroups,
    view: () => (row: SecurityGroupRow) => groupView(groupFromRow(row)),
    beforeList: (ctx) => ensureDefaultGroup(deps.db, ctx.projectId),
  }),
  route({
    method: 'POST',
    path: '/v2.0/security-groups',
    rule: networkPolicy.create_security_group,
    summary: 'Create a security group',
    status: 201,
    body: Type.Object({ security_group: Type.Object({ ...changeable, ...owner }, closed) }, closed),
    async handler({ ctx, body }, h) {
      const group = await createSecurityGroup(deps, ctx, body.security_group);
      return h.response({ security_group: groupView(group) }).code(201);
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.0/security-groups/{id}',
    rule: networkPolicy.update_security_group,
    summary: 'Change a security group',
    status: 200,
    body: Type.Object({ security_group: Type.Object(changeable, closed) }, closed),
    async handler({ ctx, params, body }) {
      return { security_group: groupView(await updateSecurityGroup(deps, ctx, params.id ?? '', body.security_group)) };
    },
  }),
  deleteRoute(groupListing, networkPolicy.delete_security_group, (ctx, id) => deleteSecurityGroup(deps, ctx, id)),
  ...readRoutes(deps, {
    listing: ruleListing,
    member: 'security_group_rule',
    resource: 'Security Group Rule',
    rule: networkPolicy.get_security_group_rule,
    rows: visibleRules,
    view: () => (row: RuleRow) => ruleView(ruleFromRow(row)),
    beforeList: (ctx) => ensureDefaultGroup(deps.db, ctx.projectId),
  }),
  route({
    method: 'POST',
    path: '/v2.0/security-group-rules',
    rule: networkPolicy.create_security_group_rule,
    summary: 'Create a security group rule, or several',
    status: 201,
    body: oneOrMany('security_group_rule', 'security_group_rules', Rule),
    async handler({ ctx, body }, h) {
      const { items, bulk } = asked<typeof Rule>(body, 'security_group_rule', 'security_group_rules');
      const views = (await createRules(deps, ctx, items.map(ruleOf))).map(ruleView);
      return h.response(bulk ? { security_group_rules: views } : { security_group_rule: views[0] }).code(201);
    },
  }),
  deleteRoute(ruleListing, networkPolicy.delete_security_group_rule, (ctx, id) => deleteRule(deps, ctx, id)),
];
