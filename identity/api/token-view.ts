import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isoMicros, isoMicrosZ } from '../../common/http/time.ts';
import { findForLogIn } from '../application-credentials/store.ts';
import type { Access, Named, Owned } from '../tokens/access.ts';
import type { Token } from '../tokens/token.ts';

/** The names of what a token says. */
export interface TokenNames {
  user: Owned & { passwordExpiresAt: Date | null };
  roles: Named[];
  project: Owned | null;
  domain: Named | null;
  /** Of the application credential that it was made with, or the trust. */
  delegation: DelegationNames | null;
}

export interface DelegationNames {
  name?: string;
  accessRules?: readonly unknown[] | null;
}

/** The `token` object of the Identity API. `catalog` undefined leaves it out. */
export function tokenView(token: Token, names: TokenNames, catalog: unknown[] | undefined) {
  const isScoped = token.scope.type !== 'unscoped';
  const { user } = names;
  return {
    methods: token.methods,
    user: {
      id: user.id,
      name: user.name,
      domain: user.domain,
      password_expires_at: user.passwordExpiresAt && isoMicros(user.passwordExpiresAt),
      ...(token.federation && !token.federation.isLocal && { 'OS-FEDERATION': federationView(token.federation) }),
    },
    audit_ids: token.auditIds.length > 1 ? [token.auditIds[0], token.auditIds.at(-1)] : token.auditIds,
    expires_at: isoMicrosZ(token.expiresAt),
    issued_at: isoMicrosZ(new Date(token.issuedAtUs / 1000)),
    ...scopeView(token, names),
    ...(isScoped && { roles: names.roles }),
    ...(isScoped && catalog && { catalog }),
    ...delegationView(token, names.delegation),
  };
}

function federationView({ identityProviderId, protocolId, groupIds }: NonNullable<Token['federation']>) {
  return {
    identity_provider: { id: identityProviderId },
    protocol: { id: protocolId },
    groups: groupIds.map((id) => ({ id })),
  };
}

function delegationView({ delegation }: Token, names: DelegationNames | null): object {
  if (delegation?.type === 'application_credential')
    return {
      application_credential: {
        id: delegation.id,
        name: names?.name ?? null,
        restricted: delegation.restricted,
        ...(names?.accessRules && { access_rules: names.accessRules }),
      },
    };
  if (delegation?.type === 'oauth1')
    return { 'OS-OAUTH1': { access_token_id: delegation.id, consumer_id: delegation.consumerId } };
  if (delegation?.type === 'trust')
    return {
      'OS-TRUST:trust': {
        id: delegation.id,
        impersonation: delegation.impersonation,
        trustee_user: { id: delegation.trusteeId },
        trustor_user: { id: delegation.trustorId },
      },
    };
  return {};
}

function scopeView({ scope }: Token, { project, domain }: TokenNames): object {
  if (scope.type === 'unscoped') return {};
  if (scope.type === 'system') return { system: { all: true } };
  if (scope.type === 'domain') return { domain: { id: scope.id, name: domain?.name } };
  if (project === null) throw new NotFound('project', scope.id);
  return { project, is_domain: false };
}

/** The names that came with making the token. */
export function namesOf({ user, roles, project, domain }: Access, delegation: DelegationNames | null): TokenNames {
  return { user, roles, project, domain, delegation };
}

/** The names as they are now, in one query. Throws `NotFound` when the user is gone. */
export async function readNames(db: Knex, { userId, roles, scope, delegation }: Token): Promise<TokenNames> {
  const projectId = scope.type === 'project' ? scope.id : null;
  const domainId = scope.type === 'domain' ? scope.id : null;
  const owned = (table: string, more = '') => `select json_build_object('id', o.id, 'name', o.name,
      'domain', json_build_object('id', d.id, 'name', d.name)${more})
    from ${table} o join domains d on d.id = o.domain_id where o.id = ?`;
  const { rows } = await db.raw(
    `select (${owned('users', ", 'passwordExpiresAt', o.password_expires_at")}) as "user", (${owned('projects')}) as project,
      (select json_build_object('id', id, 'name', name) from domains where id = ?) as domain,
      (select coalesce(json_agg(json_build_object('id', id, 'name', name) order by name), '[]')
        from roles where name = any(?) and domain_id is null) as roles`,
    [userId, projectId, domainId, roles],
  );
  const found = rows[0] as Omit<TokenNames, 'user' | 'delegation'> & {
    user: (Owned & { passwordExpiresAt: string | null }) | null;
  };
  if (found.user === null) throw new NotFound('user', userId);
  const expiresAt = found.user.passwordExpiresAt;
  return {
    ...found,
    user: { ...found.user, passwordExpiresAt: expiresAt === null ? null : new Date(expiresAt) },
    delegation: await readDelegationNames(db, delegation),
  };
}

async function readDelegationNames(db: Knex, delegation: Token['delegation']): Promise<DelegationNames | null> {
  if (delegation?.type !== 'application_credential') return delegation && {};
  const found = await findForLogIn(db, { id: delegation.id });
  if (found === undefined) throw new NotFound('application credential', delegation.id);
  return { name: found.name, accessRules: found.accessRules };
}
