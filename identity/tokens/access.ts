import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { type LoginState, loginColumns, loginStateOf } from '../users/login.ts';

/** The scope somebody asks for, as it was written: an id, or a name with its domain. */
export type AskedScope =
  | { type: 'project'; id?: string; name?: string; domain?: NamedReference }
  | ({ type: 'domain' } & NamedReference)
  | { type: 'system' }
  | { type: 'unscoped' }
  /** The user's default project, if there is one that they may use; else none. */
  | { type: 'default' };

export interface NamedReference {
  id?: string;
  name?: string;
}

export interface Named {
  id: string;
  name: string;
}

export interface Owned extends Named {
  domain: Named;
}

/** All that a token is made from, read in one snapshot. */
export interface Access {
  epoch: number;
  nowUs: number;
  user: Owned & {
    enabled: boolean;
    passwordHash: string | null;
    passwordExpiresAt: Date | null;
    defaultProjectId: string | null;
    options: Record<string, unknown>;
    login: LoginState;
  };
  /** Null: not there, or disabled, or in a disabled domain; or no such scope was asked for. */
  project: Owned | null;
  domain: Named | null;
  /** What the user holds on the scope, with all that it implies, sorted by name. */
  roles: Named[];
}

export interface AccessRequest {
  userId: string;
  scope: AskedScope;
  /** Groups that only this login puts the user in (federation). */
  groupIds?: readonly string[];
  /** Whose roles they are, when not the user's own: the trustor's. */
  holderId?: string;
  /** Of the holder's roles only these and what they imply. */
  onlyRoleIds?: readonly string[];
  /** Nobody, unless this application credential is still there. */
  applicationCredentialId?: string;
}

/**
 * Reads who somebody is and what they may do on a scope, in one statement: so it is one snapshot, and the epoch in it tells
 * which revocations it has seen. Undefined when there is no such user.
 */
export async function readAccess(db: Knex, asked: AccessRequest): Promise<Access | undefined> {
  const { userId, scope, groupIds = [], holderId = userId, onlyRoleIds = null, applicationCredentialId = null } = asked;
  const form = formOf(scope);
  const { rows } = await preparedQuery(db, `identity access ${form}`, statementOf(form), {
    userId,
    holderId,
    groupIds: [...groupIds],
    onlyRoleIds: onlyRoleIds && [...onlyRoleIds],
    applicationCredentialId,
    ...scopeBindings(scope),
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    epoch: row.epoch,
    nowUs: row.now_us,
    user: {
      id: row.id,
      name: row.name,
      domain: { id: row.domain_id, name: row.domain_name },
      enabled: row.enabled,
      passwordHash: row.password_hash,
      passwordExpiresAt: row.password_expires_at,
      defaultProjectId: row.default_project_id,
      options: row.options,
      login: loginStateOf(row),
    },
    project: row.project,
    domain: row.domain,
    roles: row.roles,
  };
}

/** Each way to name a scope has a statement of its own, so that PostgreSQL plans each once, by the index that it needs. */
type Form =
  | `project by ${'id' | 'name and domain id' | 'name and domain name'}`
  | `domain by ${'id' | 'name'}`
  | 'default project'
  | 'system'
  | 'none';

function formOf(scope: AskedScope): Form {
  if (scope.type === 'unscoped') return 'none';
  if (scope.type === 'default') return 'default project';
  if (scope.type === 'system') return 'system';
  if (scope.id !== undefined) return `${scope.type} by id`;
  if (scope.type === 'domain') return 'domain by name';
  return scope.domain?.id === undefined ? 'project by name and domain name' : 'project by name and domain id';
}

function scopeBindings(scope: AskedScope): Record<string, string> {
  if (scope.type !== 'project' && scope.type !== 'domain') return {};
  if (scope.id !== undefined) return { id: scope.id };
  const { name = '' } = scope;
  return scope.type === 'domain' ? { name } : { name, inDomain: scope.domain?.id ?? scope.domain?.name ?? '' };
}

const projectWhere: Partial<Record<Form, string>> = {
  'project by id': 'p.id = :id',
  'project by name and domain id': 'p.name = :name and d.id = :inDomain',
  'project by name and domain name': 'p.name = :name and d.name = :inDomain',
  'default project': 'p.id = (select default_project_id from users where id = :userId)',
};

const domainWhere: Partial<Record<Form, string>> = { 'domain by id': 'id = :id', 'domain by name': 'name = :name' };

const noProject = `select null::text as id, null::text as name, null::text as domain_id, null::text as domain_name,
         null::text as parent_id where false`;
const noDomain = 'select null::text as id, null::text as name where false';

const statements = new Map<Form, string>();

function statementOf(form: Form): string {
  const known = statements.get(form) ?? statement(form);
  statements.set(form, known);
  return known;
}

function statement(form: Form): string {
  const isProject = projectWhere[form] !== undefined;
  const isDomain = domainWhere[form] !== undefined;
  const project = isProject
    ? `select p.id, p.name, d.id as domain_id, d.name as domain_name, p.parent_id
         from projects p join domains d on d.id = p.domain_id
        where p.enabled and d.enabled and ${projectWhere[form]}`
    : noProject;
  const domain = isDomain ? `select id, name from domains where enabled and ${domainWhere[form]}` : noDomain;
  return `with recursive
    the_project as (${project}),
    the_domain as (${domain}),
    ${heldCte(form === 'system' ? 'system' : isProject ? 'project' : isDomain ? 'domain' : 'none')},
    allowed(role_id) as (
      select unnest(:onlyRoleIds::text[])
      union select i.implied_role_id from role_implications i join allowed on allowed.role_id = i.prior_role_id
    )
    select (select epoch from token_epoch) as epoch,
      (extract(epoch from clock_timestamp()) * 1000000)::bigint as now_us,
      u.id, u.name, u.enabled and d.enabled as enabled, u.password_hash, u.default_project_id, u.options,
      u.password_expires_at, ${loginColumns},
      d.id as domain_id, d.name as domain_name,
      (select json_build_object('id', id, 'name', name, 'domain', json_build_object('id', domain_id, 'name', domain_name))
         from the_project) as project,
      (select json_build_object('id', id, 'name', name) from the_domain) as domain,
      (select coalesce(json_agg(json_build_object('id', r.id, 'name', r.name) order by r.name), '[]')
         from held join roles r on r.id = held.role_id
        where r.domain_id is null
          and (:onlyRoleIds::text[] is null or held.role_id in (select role_id from allowed))) as roles
    from users u join domains d on d.id = u.domain_id left join user_logins l on l.user_id = u.id
    where u.id = :userId and (:applicationCredentialId::text is null
      or exists (select from application_credentials where id = :applicationCredentialId))`;
}

/** What is given on the scope: to the user or their groups, on itself, or inherited from above it. */
const givenOn = {
  project: `((a.project_id = s.id and not a.inherited)
      or (a.inherited and (a.domain_id = s.domain_id or a.project_id in (select id from above))))`,
  domain: 'a.domain_id = s.id and not a.inherited',
  system: 'a.system',
  none: 'false',
};

function heldCte(type: keyof typeof givenOn): string {
  const scope = { project: ', the_project s', domain: ', the_domain s', system: '', none: '' }[type];
  const joined = scope.replace(',', ' cross join');
  return `above(id) as (
      select parent_id from the_project where parent_id is not null
      union select p.parent_id from projects p join above on above.id = p.id where p.parent_id is not null
    ),
    their_groups(id) as (
      select group_id from memberships where user_id = :holderId union select unnest(:groupIds::text[])
    ),
    held(role_id) as (
      (select a.role_id from role_assignments a${scope} where a.user_id = :holderId and ${givenOn[type]}
       union
       select a.role_id from their_groups g join role_assignments a on a.group_id = g.id${joined} where ${givenOn[type]})
      union select i.implied_role_id from role_implications i join held on held.role_id = i.prior_role_id
    )`;
}
