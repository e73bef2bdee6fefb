import type { AccessRule } from '../../common/context.ts';
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Forbidden, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { newHexId } from '../../common/ids.ts';
import { applyTextFilters, pageOf, type TextFilter } from '../api/listing.ts';
import type { StoredAccessRule } from './application-credential.ts';

const columns = ['id', 'service', 'method', 'path'];

/** The user's rules that these are, in their order: one that the user has not yet is made. Throws `NotFound` for an unknown id. */
export async function ensureAccessRules(
  trx: Knex,
  userId: string,
  asked: ({ id: string } | AccessRule)[],
): Promise<StoredAccessRule[]> {
  const given = asked.filter((rule) => !('id' in rule)) as AccessRule[];
  if (given.length > 0)
    await trx('access_rules')
      .insert(given.map(({ service, method, path }) => ({ id: newHexId(), user_id: userId, service, method, path })))
      .onConflict(['user_id', 'service', 'method', 'path'])
      .ignore();
  const ids = asked.flatMap((rule) => ('id' in rule ? [rule.id] : []));
  const known: StoredAccessRule[] = await trx('access_rules')
    .where({ user_id: userId })
    .where((which) => {
      which.whereIn('id', ids);
      if (given.length > 0)
        which.orWhereIn(
          ['service', 'method', 'path'],
          given.map(({ service, method, path }) => [service, method, path]),
        );
    })
    .select(columns)
    .forKeyShare();
  const byId = new Map(known.map((rule) => [rule.id, rule]));
  const byWords = new Map(known.map((rule) => [wordsOf(rule), rule]));
  const found = asked.map((rule) => {
    const match = 'id' in rule ? byId.get(rule.id) : byWords.get(wordsOf(rule));
    if (match === undefined) throw new NotFound('access rule', 'id' in rule ? rule.id : '');
    return match;
  });
  return [...new Set(found)];
}

const wordsOf = ({ service, method, path }: AccessRule) => JSON.stringify([service, method, path]);

export function isSameRule(a: AccessRule, b: AccessRule): boolean {
  return a.service === b.service && a.method === b.method && a.path === b.path;
}

export async function getAccessRule(db: Knex, userId: string, id: string): Promise<StoredAccessRule> {
  const row = await db('access_rules').where({ id, user_id: userId }).first(columns);
  if (row === undefined) throw new NotFound('access rule', id);
  return row;
}

export async function listAccessRules(
  db: Knex,
  userId: string,
  { filters, page }: { filters: TextFilter[]; page: PageRequest },
): Promise<{ rules: StoredAccessRule[]; more: boolean }> {
  const query = applyTextFilters(db('access_rules').where('user_id', userId), filters);
  const keys = ['service', 'path', 'method'].map((column) => ({ column, direction: 'asc' as const }));
  const { rows, more } = await pageOf<StoredAccessRule>(query.select(columns), page, keys);
  return { rules: rows, more };
}

/** Throws `Forbidden` while an application credential uses it, as keystone does. */
export async function removeAccessRule(db: Knex, userId: string, id: string): Promise<void> {
  try {
    const removed = await db('access_rules').where({ id, user_id: userId }).delete();
    if (removed === 0) throw new NotFound('access rule', id);
  } catch (error) {
    if (violatedConstraint(error) === undefined) throw error;
    throw new Forbidden(`Access rule ${id} is in use by an application credential; delete that first.`, {
      cause: error,
    });
  }
}

/** The rules of an application credential that has some; none when it is gone. */
export async function accessRulesOf(db: Knex, applicationCredentialId: string): Promise<StoredAccessRule[]> {
  return db('application_credential_access_rules as used')
    .join('access_rules', 'access_rules.id', 'used.access_rule_id')
    .where('used.application_credential_id', applicationCredentialId)
    .select(columns.map((column) => `access_rules.${column}`));
}
