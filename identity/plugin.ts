import type { Authenticate, Context } from '../common/context.ts';
import { identityDialect } from '../common/http/dialect.ts';
import type { Module } from '../common/module.ts';
import { assignmentPolicy, assignmentRoutes } from './api/assignments.ts';
import { authPolicy, authRoutes } from './api/auth.ts';
import { domainPolicy, domainRoutes } from './api/domains.ts';
import { projectPolicy, projectRoutes } from './api/projects.ts';
import { rolePolicy, roleRoutes } from './api/roles.ts';
import { userPolicy, userRoutes } from './api/users.ts';
import { versionRoutes } from './api/versions.ts';
import type { IdentityDeps } from './deps.ts';
import { initialIdentity } from './migrations/0001-identity.ts';
import { checkToken, type TokenDeps } from './tokens/operations.ts';
import type { Token } from './tokens/token.ts';

export const identityPolicy = {
  ...authPolicy,
  ...domainPolicy,
  ...projectPolicy,
  ...userPolicy,
  ...rolePolicy,
  ...assignmentPolicy,
};

export const identityMigrations = [initialIdentity];

/** Identity API v3 (Keystone), as far as docs/compatibility.md says. */
export function identityModule(deps: IdentityDeps): Module {
  return {
    service: {
      name: 'identity',
      prefix: '/identity',
      dialect: identityDialect,
      overQuotaStatus: 403,
      routes: [
        ...versionRoutes(deps),
        ...authRoutes(deps),
        ...domainRoutes(deps),
        ...projectRoutes(deps),
        ...userRoutes(deps),
        ...roleRoutes(deps),
        ...assignmentRoutes(deps),
      ],
    },
    controllers: [],
    agents: [],
  };
}

/** Makes the context of a request from its token, and from nothing else. */
export function authenticator(deps: TokenDeps): Authenticate {
  return async (text, requestId) => contextOf(await checkToken(deps, text), requestId);
}

function contextOf(token: Token, requestId: string): Context {
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
    token: {
      auditIds: token.auditIds,
      methods: token.methods,
      issuedAt: new Date(token.issuedAtUs / 1000),
      expiresAt: token.expiresAt,
    },
  };
}
