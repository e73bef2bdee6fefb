import { type Knex, preparedQuery, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import { microsecondsOf } from '../expiry.ts';
import type { Named } from '../tokens/access.ts';
import type { UserReference } from '../tokens/methods/password.ts';
import type { ApplicationCredential, StoredAccessRule } from './application-credential.ts';

interface Row {
  id: string;
  user_id: string;
  project_id: string;
  name: string;
  description: string | null;
  unrestricted: boolean;
  expires_at_text: string | null;
  roles: Named[];
  access_rules: StoredAccessRule[] | null;
}

const rolesOf = `(select coalesce(json_agg(json_build_object('id', r.id, 'name', r.name) order by r.name), '[]')
  from application_credential_roles a join roles r on r.id = a.role_id where a.application_credential_id = c.id)`;

const accessRulesOf = `case when c.has_access_rules then (select coalesce(json_agg(json_build_object(
    'id', r.id, 'service', r.service, 'method', r.method, 'path', r.path) order by r.service, r.path, r.method), '[]')
  from application_credential_access_rules a join access_rules r on r.id = a.access_rule_id
  where a.application_credential_id = c.id) end`;

function columns(db: Knex) {
  return [
    ...['c.id', 'c.user_id', 'c.project_id', 'c.name', 'c.description', 'c.unrestricted'],
    db.raw(`${microsecondsOf('c.expires_at')} as expires_at_text`),
    db.raw(`${rolesOf} as roles`),
    db.raw(`${accessRulesOf} as access_rules`),
  ];
}

function fromRow(row: Row): ApplicationCredential {
  return {
    id: row.id,
    userId: row.user_id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    roles: row.roles,
    unrestricted: row.unrestricted,
    expiresAt: row.expires_at_text,
    accessRules: row.access_rules,
  };
}

export type NewApplicationCredential = Omit<ApplicationCredential, 'roles' | 'accessRules'> & {
  secretHash: string;
  roleIds: string[];
  accessRuleIds: string[] | null;
};

/** Says whether it would be over already. Throws `Conflict` when the user has another of that name. */
export async function insertApplicationCredential(
  trx: Knex,
  { roleIds, accessRuleIds, ...made }: NewApplicationCredential,
): Promise<{ isExpired: boolean }> {
  const id = made.id;
  const [row] = await trx('application_credentials')
    .insert({
      id,
      user_id: made.userId,
      project_id: made.projectId,
      name: made.name,
      description: made.description,
      secret_hash: made.secretHash,
      unrestricted: made.unrestricted,
      has_access_rules: accessRuleIds !== null,
      expires_at: made.expiresAt,
    })
    .returning(trx.raw('coalesce(expires_at <= now(), false) as is_expired'))
    .catch((error) => {
      if (violatedConstraint(error) !== 'application_credentials_user_id_name_unique') throw error;
      throw new Conflict(
        `Conflict occurred attempting to store application_credential - Duplicate entry found with name ${made.name}.`,
        { cause: error },
      );
    });
  const withId = (column: string, ids: string[]) =>
    ids.map((other) => ({ application_credential_id: id, [column]: other }));
  if (roleIds.length > 0) await trx('application_credential_roles').insert(withId('role_id', roleIds));
  if (accessRuleIds?.length)
    await trx('application_credential_access_rules').insert(withId('access_rule_id', accessRuleIds));
  return { isExpired: row.is_expired };
}

export async function getApplicationCredential(db: Knex, userId: string, id: string): Promise<ApplicationCredential> {
  const row: Row | undefined = await db('application_credentials as c')
    .where({ 'c.id': id, 'c.user_id': userId })
    .first(columns(db));
  if (row === undefined) throw new NotFound('application credential', id);
  return fromRow(row);
}

export async function listApplicationCredentials(
  db: Knex,
  userId: string,
  { filters, page }: { filters: TextFilter[]; page: PageRequest },
): Promise<{ credentials: ApplicationCredential[]; more: boolean }> {
  const query = applyTextFilters(db('application_credentials as c').where('c.user_id', userId), filters);
  const keys = [{ column: 'c.name', direction: 'asc' as const }];
  const { rows, more } = await pageOf<Row>(query.select(columns(db)), page, keys, { idColumn: 'c.id' });
  return { credentials: rows.map(fromRow), more };
}

export async function removeApplicationCredential(trx: Knex, userId: string, id: string): Promise<void> {
  const removed = await trx('application_credentials').where({ id, user_id: userId }).delete();
  if (removed === 0) throw new NotFound('application credential', id);
}

/** The end of an application credential's life; null: none. */
export async function findExpiry(db: Knex, id: string): Promise<string | null> {
  const row = await db('application_credentials as c')
    .where({ id })
    .first(db.raw(`${microsecondsOf('c.expires_at')} || 'Z' as expiry`));
  return row?.expiry ?? null;
}

/** What logging in needs to know. */
export interface KnownApplicationCredential {
  id: string;
  name: string;
  userId: string;
  projectId: string;
  secretHash: string;
  unrestricted: boolean;
  roleIds: string[];
  accessRules: StoredAccessRule[] | null;
  expiresAt: Date | null;
  isExpired: boolean;
  /** How many revocations had happened when it was read: a later one ends what is made from it. */
  epoch: number;
}

/** For logging in only, in one statement: by id, or by name and whose it is. */
export async function findForLogIn(
  db: Knex,
  by: { id: string } | { name: string; user: UserReference },
): Promise<KnownApplicationCredential | undefined> {
  const form = 'id' in by ? 'id' : by.user.id !== undefined ? 'name and user' : byDomain(by.user);
  const { rows } = await preparedQuery(
    db,
    `application credential by ${form}`,
    `select c.id, c.name, c.user_id, c.project_id, c.secret_hash, c.unrestricted, c.expires_at,
       coalesce(c.expires_at <= clock_timestamp(), false) as is_expired,
       array(select role_id from application_credential_roles where application_credential_id = c.id) as role_ids,
       ${accessRulesOf} as access_rules,
       (select epoch from token_epoch) as epoch
     from application_credentials c where ${'id' in by ? 'c.id = :id' : byName(by.user)}`,
    'id' in by ? by : { name: by.name, ...referenceBindings(by.user) },
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    name: row.name,
    userId: row.user_id,
    projectId: row.project_id,
    secretHash: row.secret_hash,
    unrestricted: row.unrestricted,
    roleIds: row.role_ids,
    accessRules: row.access_rules,
    expiresAt: row.expires_at,
    isExpired: row.is_expired,
    epoch: row.epoch,
  };
}

function byDomain({ domain }: UserReference): string {
  return domain?.id === undefined ? 'name, user name and domain name' : 'name, user name and domain id';
}

function byName({ id, domain }: UserReference): string {
  if (id !== undefined) return 'c.name = :name and c.user_id = :userId';
  return `c.name = :name and c.user_id in (select u.id from users u join domains d on d.id = u.domain_id
    where u.name = :userName and not u.is_shadow and ${domain?.id === undefined ? 'd.name' : 'd.id'} = :domain)`;
}

function referenceBindings({ id, name = '', domain }: UserReference): Record<string, string> {
  return id === undefined ? { userName: name, domain: domain?.id ?? domain?.name ?? '' } : { userId: id };
}
