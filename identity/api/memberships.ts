import { route } from '../../common/http/route.ts';
import { isoMicrosZ } from '../../common/http/time.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import type { IdentityDeps } from '../deps.ts';
import { getGroup, pageOfMemberships } from '../groups/store.ts';
import { getUser } from '../users/store.ts';
import { groupView } from './groups.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { domainReaders, domainReadersAndOwner } from './personas.ts';
import { groupTarget, userTarget } from './targets.ts';
import { userPageView, userQuery } from './users.ts';

export const membershipPolicy = definePolicy({
  'identity:list_users_in_group': domainReaders('target.group.domain_id', 'List the users in a group'),
  'identity:list_groups_for_user': domainReadersAndOwner(
    'target.user.domain_id',
    'target.user.id',
    'List the groups a user is in; everybody may list their own',
  ),
});

/** Who is in which group. A token for a domain shows what is of that domain. */
export const membershipRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/groups/{group_id}/users',
    rule: membershipPolicy['identity:list_users_in_group'],
    summary: 'List the users in a group',
    target: groupTarget(deps),
    status: 200,
    async handler({ ctx, params, query, request }) {
      const { id } = await getGroup(deps.db, params.group_id ?? '');
      const filter = { ...userQuery(query, ctx), groupId: id };
      return userPageView(deps, filter, { query, url: request.url, path: `groups/${id}/users` });
    },
  }),
  route({
    method: 'GET',
    path: '/v3/users/{user_id}/groups',
    rule: membershipPolicy['identity:list_groups_for_user'],
    summary: 'List the groups a user is in',
    target: userTarget(deps),
    status: 200,
    async handler({ ctx, params, query, request }) {
      const { id } = await getUser(deps.db, params.user_id ?? '');
      const filter = { texts: textFilters(query, { name: 'name' }), domainId: ctx.domainId ?? undefined };
      const { rows, more } = await pageOfMemberships(deps.db, id, filter, identityPage(query));
      const views = rows.map(({ expiresAt, ...group }) => ({
        ...groupView(deps, group),
        membership_expires_at: expiresAt && isoMicrosZ(expiresAt),
      }));
      return listView(deps, 'groups', views, { url: request.url, more, path: `users/${id}/groups` });
    },
  }),
];
