import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isoMicrosZ } from '../../common/http/time.ts';
import { catalogFor } from '../catalog/catalog.ts';
import type { IdentityDeps } from '../deps.ts';
import type { Token } from '../tokens/token.ts';

/** The `token` object of the Identity API: ids from the token, names as they are now. */
export async function tokenView(deps: IdentityDeps, token: Token, { catalog }: { catalog: boolean }) {
  const { db } = deps;
  const user = await db('users')
    .join('domains', 'domains.id', 'users.domain_id')
    .where('users.id', token.userId)
    .first('users.id', 'users.name', 'domains.id as domain_id', 'domains.name as domain_name');
  if (user === undefined) throw new NotFound('user', token.userId);
  const roles = await db('roles').whereIn('name', token.roles).select('id', 'name').orderBy('name');
  const isScoped = token.scope.type !== 'unscoped';
  return {
    methods: token.methods,
    user: {
      id: user.id,
      name: user.name,
      domain: { id: user.domain_id, name: user.domain_name },
      password_expires_at: null,
    },
    audit_ids: token.auditIds.length > 1 ? [token.auditIds[0], token.auditIds.at(-1)] : token.auditIds,
    expires_at: isoMicrosZ(token.expiresAt),
    issued_at: isoMicrosZ(new Date(token.issuedAtUs / 1000)),
    ...(await scopeView(db, token)),
    ...(isScoped && { roles: roles.map(({ id, name }) => ({ id, name })) }),
    ...(isScoped && catalog && { catalog: catalogFor(deps) }),
  };
}

async function scopeView(db: Knex, { scope }: Token): Promise<object> {
  if (scope.type === 'unscoped') return {};
  if (scope.type === 'system') return { system: { all: true } };
  if (scope.type === 'domain') {
    const domain = await db('domains').where({ id: scope.id }).first('id', 'name');
    return { domain: { id: scope.id, name: domain?.name } };
  }
  const project = await db('projects')
    .join('domains', 'domains.id', 'projects.domain_id')
    .where('projects.id', scope.id)
    .first('projects.id', 'projects.name', 'domains.id as domain_id', 'domains.name as domain_name');
  if (project === undefined) throw new NotFound('project', scope.id);
  return {
    project: { id: project.id, name: project.name, domain: { id: project.domain_id, name: project.domain_name } },
    is_domain: false,
  };
}
