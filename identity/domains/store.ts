import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf } from '../api/listing.ts';
import { domainsOpenTo } from '../assignments/open-scopes.ts';
import { applyTagFilter } from '../projects/tags.ts';
import type { Domain, DomainFilter } from './domain.ts';

export { type Domain, defaultDomainId } from './domain.ts';

const columns = ['id', 'name', 'description', 'enabled', 'tags', 'options', 'extra'] as const;

export type NewDomain = Omit<Domain, 'id'> & { id?: string | undefined };

export async function insertDomain(db: Knex, domain: NewDomain): Promise<Domain> {
  try {
    const [row] = await db('domains')
      .insert({ ...domain, id: domain.id ?? newHexId() })
      .returning(columns);
    return row;
  } catch (error) {
    throw taken(error, domain.name);
  }
}

export async function updateDomain(db: Knex, id: string, changes: Partial<Omit<Domain, 'id'>>): Promise<Domain> {
  const columnsToSet = given(changes);
  if (Object.keys(columnsToSet).length === 0) return getDomain(db, id);
  try {
    const [row] = await db('domains').where({ id }).update(columnsToSet).returning(columns);
    if (row === undefined) throw new NotFound('domain', id);
    return row;
  } catch (error) {
    throw taken(error, changes.name ?? '');
  }
}

function narrowed(db: Knex, { id, name, enabled, openTo, texts = [], tags }: DomainFilter) {
  const query = db('domains').where(given({ id, name, enabled })).select(columns);
  applyTextFilters(query, texts);
  applyTagFilter(query, tags);
  if (openTo !== undefined) query.whereRaw('id in ?', [domainsOpenTo(db, openTo)]);
  return query;
}

export async function listDomains(db: Knex, filter: DomainFilter): Promise<Domain[]> {
  return narrowed(db, filter).orderBy('name');
}

export function pageOfDomains(db: Knex, filter: DomainFilter, page: PageRequest) {
  return pageOf<Domain>(narrowed(db, filter), page);
}

export async function findDomain(db: Knex, id: string): Promise<Domain | undefined> {
  return db('domains').where({ id }).first(columns);
}

export async function getDomain(db: Knex, id: string): Promise<Domain> {
  const domain = await findDomain(db, id);
  if (domain === undefined) throw new NotFound('domain', id);
  return domain;
}

/** For the rest of the transaction nobody changes it (`share`), or nobody puts anything into it either (`update`). */
export async function lockDomain(trx: Knex, id: string, mode: 'share' | 'update'): Promise<Domain> {
  const query = trx('domains').where({ id });
  const row = await (mode === 'share' ? query.forShare() : query.forUpdate()).first(columns);
  if (row === undefined) throw new NotFound('domain', id);
  return row;
}

/** What tokens of users elsewhere can be about and is in a domain. */
export interface Inside {
  projectIds: string[];
  groupIds: string[];
  /** Users of any domain who are in its groups, as far as those were granted anything. */
  memberIds: string[];
  /** Those of its users who gave others a trust, or have one. */
  agentIds: string[];
}

/** Of a domain that is locked for `update`. Until the transaction ends, nobody joins its groups. */
export async function insideDomain(trx: Knex, id: string): Promise<Inside> {
  await trx('groups').where({ domain_id: id }).orderBy('id').forUpdate().select('id');
  const { rows } = await trx.raw(
    `select array(select id from projects where domain_id = :id) as "projectIds",
       array(select id from groups where domain_id = :id) as "groupIds",
       array(select distinct user_id from groups g join (
               select group_id, user_id from group_members union all select group_id, user_id from federated_group_members
             ) m on m.group_id = g.id
             where g.domain_id = :id and exists (select from role_assignments a where a.group_id = g.id)) as "memberIds",
       array(select id from users where domain_id = :id and id in (
               select trustor_user_id from trusts union select trustee_user_id from trusts)) as "agentIds"`,
    { id },
  );
  return rows[0];
}

/** Removes a domain with its projects and users; its groups, roles and all that hangs on them go by their foreign keys. */
export async function removeDomain(trx: Knex, id: string): Promise<void> {
  await trx('users')
    .whereIn('default_project_id', trx('projects').where({ domain_id: id }).select('id'))
    .update({ default_project_id: null });
  await trx('projects').where({ domain_id: id }).delete();
  await trx('users').where({ domain_id: id }).delete();
  await trx('domains').where({ id }).delete();
}

function taken(error: unknown, name: string): unknown {
  const constraint = violatedConstraint(error);
  if (constraint === 'domains_name_unique')
    return new Conflict(
      `Conflict occurred attempting to store domain - it is not permitted to have two projects acting as domains with the same name: ${name}.`,
      { cause: error },
    );
  if (constraint === 'domains_pkey')
    return new Conflict('Conflict occurred attempting to store domain - Duplicate ID.', { cause: error });
  return error;
}
