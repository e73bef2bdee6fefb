import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isoMicrosZ } from '../../common/http/time.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Token } from '../tokens/token.ts';

/** The `token` object of the Identity API: ids from the token, names as they are now. */
export async function tokenView(db: Knex, token: Token, catalog: Catalog | undefined) {
  const named = await namesIn(db, token);
  const isScoped = token.scope.type !== 'unscoped';
  return {
    methods: token.methods,
    user: { ...named.user, password_expires_at: null },
    audit_ids: token.auditIds.length > 1 ? [token.auditIds[0], token.auditIds.at(-1)] : token.auditIds,
    expires_at: isoMicrosZ(token.expiresAt),
    issued_at: isoMicrosZ(new Date(token.issuedAtUs / 1000)),
    ...scopeView(token, named),
    ...(isScoped && { roles: named.roles }),
    ...(isScoped && catalog && { catalog }),
  };
}

interface Owned {
  id: string;
  name: string;
  domain: { id: string; name: string };
}

interface Names {
  user: Owned;
  roles: { id: string; name: string }[];
  project: Owned | null;
  domain: { id: string; name: string } | null;
}

/** One query: this is the one answer that other services wait for before they begin. */
async function namesIn(db: Knex, { userId, roles, scope }: Token): Promise<Names> {
  const projectId = scope.type === 'project' ? scope.id : null;
  const domainId = scope.type === 'domain' ? scope.id : null;
  const owned = (table: string) => `select json_build_object('id', o.id, 'name', o.name,
      'domain', json_build_object('id', d.id, 'name', d.name))
    from ${table} o join domains d on d.id = o.domain_id where o.id = ?`;
  const { rows } = await db.raw(
    `select (${owned('users')}) as "user", (${owned('projects')}) as project,
      (select json_build_object('id', id, 'name', name) from domains where id = ?) as domain,
      (select coalesce(json_agg(json_build_object('id', id, 'name', name) order by name), '[]')
        from roles where name = any(?)) as roles`,
    [userId, projectId, domainId, roles],
  );
  const found = rows[0] as Omit<Names, 'user'> & { user: Owned | null };
  if (found.user === null) throw new NotFound('user', userId);
  return { ...found, user: found.user };
}

function scopeView({ scope }: Token, { project, domain }: Names): object {
  if (scope.type === 'unscoped') return {};
  if (scope.type === 'system') return { system: { all: true } };
  if (scope.type === 'domain') return { domain: { id: scope.id, name: domain?.name } };
  if (project === null) throw new NotFound('project', scope.id);
  return { project, is_domain: false };
}
