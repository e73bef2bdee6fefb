import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { defaultDomainId } from '../domains/domain.ts';
import { extraOf } from '../extra.ts';
import type { Group } from '../groups/group.ts';
import {
  addToGroup,
  changeGroup,
  checkMember,
  createGroup,
  deleteGroup,
  removeFromGroup,
} from '../groups/operations.ts';
import { getGroup, pageOfGroups } from '../groups/store.ts';
import { checkSameId, description, reference, resourceName } from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { domainManagers, domainReaders } from './personas.ts';
import { changedGroupTarget, groupTarget, ownDomain, userTarget } from './targets.ts';

const attributes = { description, domain_id: Type.Optional(reference) };

const CreateGroup = Type.Object({ group: Type.Object({ name: resourceName(255), ...attributes }) });

const UpdateGroup = Type.Object({
  group: Type.Object({ name: Type.Optional(resourceName(255)), ...attributes }, { minProperties: 1 }),
});

const known = ['id', 'links', 'name', 'membership_expires_at', ...Object.keys(attributes)];

/** Both the group and the user must be of the domain that the token is for. */
const ofBoth = (role: string, description: string, more = '') =>
  ({
    check: `rule:admin_required${more} or (role:${role} and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)`,
    scopes: anyScope,
    description,
  }) as const;

export const groupPolicy = definePolicy({
  'identity:get_group': domainReaders('target.group.domain_id', 'Show a group'),
  'identity:list_groups': domainReaders('target.group.domain_id', 'List groups; readers of a domain see those in it'),
  'identity:create_group': domainManagers('target.group.domain_id', 'Create a group'),
  'identity:update_group': domainManagers('target.group.domain_id', 'Update a group'),
  'identity:delete_group': domainManagers('target.group.domain_id', 'Delete a group'),
  'identity:check_user_in_group': ofBoth(
    'reader',
    'Check whether a user is in a group',
    ' or (role:reader and system_scope:all)',
  ),
  'identity:add_user_to_group': ofBoth('manager', 'Put a user into a group'),
  'identity:remove_user_from_group': ofBoth('manager', 'Take a user out of a group'),
});

export function groupView(deps: Pick<IdentityDeps, 'publicUrl'>, group: Group) {
  return {
    ...group.extra,
    id: group.id,
    name: group.name,
    domain_id: group.domainId,
    description: group.description,
    links: { self: `${identityUrl(deps)}/groups/${group.id}` },
  };
}

export const groupRoutes = (deps: IdentityDeps) => {
  const target = groupTarget(deps);
  const bothTarget = async (params: Record<string, string>) => ({
    ...(await target(params)),
    ...(await userTarget(deps)(params)),
  });
  const changedTarget = changedGroupTarget(deps);
  const changedBothTarget = async (params: Record<string, string>) => ({
    ...(await bothTarget(params)),
    'target.group.domain_id': undefined,
    ...(await changedTarget(params)),
  });
  const ids = ({ group_id = '', user_id = '' }: Record<string, string>) => [group_id, user_id] as const;

  return [
    route({
      method: 'GET',
      path: '/v3/groups',
      rule: groupPolicy['identity:list_groups'],
      summary: 'List groups',
      target: ownDomain('target.group.domain_id'),
      status: 200,
      async handler({ ctx, query, request }) {
        const texts = textFilters(query, { name: 'name', domain_id: 'domain_id' });
        const filter = { texts, domainId: ctx.domainId ?? undefined };
        const { rows, more } = await pageOfGroups(deps.db, filter, identityPage(query));
        const views = rows.map((group) => groupView(deps, group));
        return listView(deps, 'groups', views, { url: request.url, more });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/groups',
      rule: groupPolicy['identity:create_group'],
      summary: 'Create a group',
      target: ownDomain('target.group.domain_id'),
      bodyTarget: ({ group }, ctx) => ({
        'target.group.domain_id': group.domain_id ?? ctx.domainId ?? undefined,
      }),
      body: CreateGroup,
      status: 201,
      async handler({ ctx, body }, h) {
        const { name, domain_id, description } = body.group;
        const group = await createGroup(deps, {
          name: name.trim(),
          domainId: domain_id ?? ctx.domainId ?? defaultDomainId,
          description: description ?? '',
          extra: extraOf(body.group, known),
        });
        return h.response({ group: groupView(deps, group) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/groups/{group_id}',
      rule: groupPolicy['identity:get_group'],
      summary: 'Show a group',
      target,
      status: 200,
      handler: async ({ params }) => ({ group: groupView(deps, await getGroup(deps.db, params.group_id ?? '')) }),
    }),
    route({
      method: 'PATCH',
      path: '/v3/groups/{group_id}',
      rule: groupPolicy['identity:update_group'],
      summary: 'Update a group',
      target: changedTarget,
      body: UpdateGroup,
      status: 200,
      async handler({ params, body }) {
        const { group_id: id = '' } = params;
        const { name, domain_id, description } = body.group;
        checkSameId(body.group, id);
        if (domain_id !== undefined && domain_id !== (await getGroup(deps.db, id)).domainId)
          throw new BadRequest('Cannot change Domain ID');
        const group = await changeGroup(deps, id, {
          name: name?.trim(),
          description: description === null ? '' : description,
          extra: extraOf(body.group, known),
        });
        return { group: groupView(deps, group) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/groups/{group_id}',
      rule: groupPolicy['identity:delete_group'],
      summary: 'Delete a group',
      target: changedTarget,
      status: 204,
      async handler({ params }, h) {
        await deleteGroup(deps, params.group_id ?? '');
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/groups/{group_id}/users/{user_id}',
      rule: groupPolicy['identity:check_user_in_group'],
      summary: 'Check whether a user is in a group',
      target: bothTarget,
      status: 204,
      async handler({ params }, h) {
        await checkMember(deps, ...ids(params));
        return noContent(h);
      },
    }),
    route({
      method: 'PUT',
      path: '/v3/groups/{group_id}/users/{user_id}',
      rule: groupPolicy['identity:add_user_to_group'],
      summary: 'Put a user into a group',
      target: changedBothTarget,
      status: 204,
      async handler({ params }, h) {
        await addToGroup(deps, ...ids(params));
        return noContent(h);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/groups/{group_id}/users/{user_id}',
      rule: groupPolicy['identity:remove_user_from_group'],
      summary: 'Take a user out of a group, and end their tokens',
      target: changedBothTarget,
      status: 204,
      async handler({ params }, h) {
        await removeFromGroup(deps, ...ids(params));
        return noContent(h);
      },
    }),
  ];
};
