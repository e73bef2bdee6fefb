/** All SQL about which role implies which. */
import type { Knex } from '../../common/database/database.ts';
import type { Implication } from './role.ts';
import { fromRow, type RoleRow } from './store.ts';

/** Who has the prior role has the implied one too. False when that was so already. */
export async function insertImplication(db: Knex, priorId: string, impliedId: string): Promise<boolean> {
  const made = await db('role_implications')
    .insert({ prior_role_id: priorId, implied_role_id: impliedId })
    .onConflict()
    .ignore()
    .returning('prior_role_id');
  return made.length > 0;
}

/** False when there was none. */
export async function removeImplication(db: Knex, priorId: string, impliedId: string): Promise<boolean> {
  const removed = await db('role_implications').where({ prior_role_id: priorId, implied_role_id: impliedId }).delete();
  return removed > 0;
}

/** By the names of both. */
export async function listImplications(
  db: Knex,
  filter: { priorId?: string; impliedId?: string } = {},
): Promise<Implication[]> {
  const query = db('role_implications as i')
    .join('roles as prior', 'prior.id', 'i.prior_role_id')
    .join('roles as implied', 'implied.id', 'i.implied_role_id')
    .select(db.raw('row_to_json(prior) as prior, row_to_json(implied) as implied'))
    .orderBy(['prior.name', 'prior.id', 'implied.name', 'implied.id']);
  if (filter.priorId !== undefined) query.where('i.prior_role_id', filter.priorId);
  if (filter.impliedId !== undefined) query.where('i.implied_role_id', filter.impliedId);
  const rows: { prior: RoleRow; implied: RoleRow }[] = await query;
  return rows.map(({ prior, implied }) => ({ prior: fromRow(prior), implied: fromRow(implied) }));
}

/** The ids of roles and of all that lead to one of them. */
export async function leadingTo(db: Knex, ids: string[]): Promise<string[]> {
  const { rows } = await db.raw(
    `with recursive prior(id) as (
       select unnest(:ids::text[])
       union select i.prior_role_id from role_implications i join prior on prior.id = i.implied_role_id
     ) select id from prior`,
    { ids },
  );
  return rows.map((row: { id: string }) => row.id);
}

/** Until the transaction ends nobody else makes or removes an implication: two made at once could close a circle. */
export async function lockImplications(trx: Knex): Promise<void> {
  await trx.raw('lock table role_implications in share row exclusive mode');
}
