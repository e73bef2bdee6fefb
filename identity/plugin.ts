import type { AccessRule, Authenticate, Context } from '../common/context.ts';
import { identityDialect } from '../common/http/dialect.ts';
import type { Route } from '../common/http/route.ts';
import type { Module } from '../common/module.ts';
import { assignmentPolicy, assignmentRoutes } from './api/assignments.ts';
import { authPolicy, authRoutes } from './api/auth.ts';
import { delegationPolicy, delegationRoutes } from './api/delegation.ts';
import { domainConfigPolicy, domainConfigRoutes } from './api/domain-config.ts';
import { domainPolicy, domainRoutes } from './api/domains.ts';
import { endpointFilterPolicy, endpointFilterRoutes } from './api/endpoint-filter.ts';
import { endpointGroupPolicy, endpointGroupRoutes } from './api/endpoint-groups.ts';
import { endpointPolicyPolicy, endpointPolicyRoutes } from './api/endpoint-policy.ts';
import { endpointPolicy, endpointRoutes } from './api/endpoints.ts';
import { explainPolicy, explainRoutes } from './api/explain.ts';
import { federationPolicy, federationRoutes } from './api/federation.ts';
import { groupPolicy, groupRoutes } from './api/groups.ts';
import { impliedRolePolicy, impliedRoleRoutes } from './api/implied-roles.ts';
import { inheritedGrantRoutes } from './api/inherited.ts';
import { limitPolicy, limitRoutes } from './api/limits.ts';
import { membershipPolicy, membershipRoutes } from './api/memberships.ts';
import { consumerPolicy, consumerRoutes } from './api/oauth1-consumers.ts';
import { accessTokenPolicy, accessTokenRoutes } from './api/oauth1-tokens.ts';
import { openScopePolicy, openScopeRoutes } from './api/open-scopes.ts';
import { policyPolicy, policyRoutes } from './api/policies.ts';
import { projectTagPolicy, projectTagRoutes } from './api/project-tags.ts';
import { projectPolicy, projectRoutes } from './api/projects.ts';
import { regionPolicy, regionRoutes } from './api/regions.ts';
import { registeredLimitPolicy, registeredLimitRoutes } from './api/registered-limits.ts';
import { rolePolicy, roleRoutes } from './api/roles.ts';
import { servicePolicy, serviceRoutes } from './api/services.ts';
import { userPolicy, userRoutes } from './api/users.ts';
import { versionRoutes } from './api/versions.ts';
import { rememberAccessRules } from './application-credentials/remembered.ts';
import type { IdentityDeps } from './deps.ts';
import type { FederationDeps } from './federation/log-in/deps.ts';
import { initialIdentity } from './migrations/0001-identity.ts';
import { epochAndGroups } from './migrations/0002-epoch-and-groups.ts';
import { resources } from './migrations/0003-resources.ts';
import { catalog } from './migrations/0005-catalog.ts';
import { delegation } from './migrations/0006-delegation.ts';
import { securityCompliance } from './migrations/0007-security-compliance.ts';
import { federation } from './migrations/0008-federation.ts';
import { oauth1 } from './migrations/0009-oauth1.ts';
import { memberships } from './migrations/0010-memberships.ts';
import { roleAttributes } from './migrations/0011-role-attributes.ts';
import { usersOfDomains } from './migrations/0012-users-of-domains.ts';
import { revocationsByEpoch } from './migrations/0013-revocations-by-epoch.ts';
import { inactiveUsersReconciler } from './security-compliance/inactivity.ts';
import { checkToken } from './tokens/check.ts';
import type { TokenDeps } from './tokens/deps.ts';
import type { Token } from './tokens/token.ts';

export const identityPolicy = {
  ...authPolicy,
  ...openScopePolicy,
  ...domainPolicy,
  ...domainConfigPolicy,
  ...projectPolicy,
  ...projectTagPolicy,
  ...userPolicy,
  ...groupPolicy,
  ...membershipPolicy,
  ...rolePolicy,
  ...impliedRolePolicy,
  ...assignmentPolicy,
  ...delegationPolicy,
  ...explainPolicy,
  ...federationPolicy,
  ...consumerPolicy,
  ...accessTokenPolicy,
  ...regionPolicy,
  ...servicePolicy,
  ...endpointPolicy,
  ...endpointGroupPolicy,
  ...endpointFilterPolicy,
  ...policyPolicy,
  ...endpointPolicyPolicy,
  ...registeredLimitPolicy,
  ...limitPolicy,
};

export const identityMigrations = [
  initialIdentity,
  epochAndGroups,
  resources,
  catalog,
  delegation,
  securityCompliance,
  federation,
  oauth1,
  memberships,
  roleAttributes,
  usersOfDomains,
  revocationsByEpoch,
];

/** Identity API v3 (Keystone), as far as docs/compatibility.md says. */
export function identityModule(deps: FederationDeps): Module {
  return {
    service: {
      name: 'identity',
      type: 'identity',
      prefix: '/identity',
      dialect: identityDialect,
      overQuotaStatus: 403,
      routes: forgetting(deps, [
        ...versionRoutes(deps),
        ...authRoutes(deps),
        ...openScopeRoutes(deps),
        ...domainRoutes(deps),
        ...domainConfigRoutes(deps),
        ...projectRoutes(deps),
        ...projectTagRoutes(deps),
        ...userRoutes(deps),
        ...groupRoutes(deps),
        ...membershipRoutes(deps),
        ...roleRoutes(deps),
        ...impliedRoleRoutes(deps),
        ...assignmentRoutes(deps),
        ...inheritedGrantRoutes(deps),
        ...delegationRoutes(deps),
        ...explainRoutes(deps),
        ...federationRoutes(deps),
        ...consumerRoutes(deps),
        ...accessTokenRoutes(deps),
        ...regionRoutes(deps),
        ...serviceRoutes(deps),
        ...endpointRoutes(deps),
        ...endpointGroupRoutes(deps),
        ...endpointFilterRoutes(deps),
        ...policyRoutes(deps),
        ...endpointPolicyRoutes(deps),
        ...registeredLimitRoutes(deps),
        ...limitRoutes(deps),
      ]),
    },
    controllers: deps.compliance.inactiveDays > 0 ? [inactiveUsersReconciler(deps)] : [],
    agents: [],
  };
}

/** The process that changes something knows it at once; the others hear of it a moment later. */
function forgetting({ memory }: IdentityDeps, routes: Route[]): Route[] {
  return routes.map((route) => {
    if (route.method === 'GET' || route.method === 'HEAD' || 'anonymous' in route.rule) return route;
    const handler: Route['handler'] = async (incoming, h) => {
      try {
        return await route.handler(incoming, h);
      } finally {
        memory.forget();
      }
    };
    return { ...route, handler };
  });
}

/** Makes the context of a request from its token, and from nothing else. */
export function authenticator(deps: TokenDeps): Authenticate {
  const rulesOf = rememberAccessRules(deps.db);
  return async (text, requestId) => {
    const token = await checkToken(deps, text);
    const { delegation } = token;
    if (delegation?.type !== 'application_credential' || !delegation.hasAccessRules) return contextOf(token, requestId);
    return contextOf(token, requestId, await rulesOf(delegation.id));
  };
}

/** What a verified token makes of whoever sent it. */
export function contextOf(token: Token, requestId: string, accessRules: readonly AccessRule[] = []): Context {
  const { scope } = token;
  return {
    requestId,
    userId: token.userId,
    userDomainId: token.userDomainId,
    projectId: scope.type === 'project' ? scope.id : null,
    domainId: scope.type === 'domain' ? scope.id : null,
    system: scope.type === 'system',
    roles: token.roles,
    isAdmin: token.roles.includes('admin') && scope.type !== 'domain',
    delegation: delegationOf(token, accessRules),
    token: {
      auditIds: token.auditIds,
      methods: token.methods,
      issuedAt: new Date(token.issuedAtUs / 1000),
      expiresAt: token.expiresAt,
    },
  };
}

function delegationOf({ delegation }: Token, rules: readonly AccessRule[]): Context['delegation'] {
  if (delegation?.type !== 'application_credential') return delegation;
  const { type, id, restricted, hasAccessRules } = delegation;
  return { type, id, restricted, accessRules: hasAccessRules ? rules : null };
}
