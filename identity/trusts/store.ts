import { given, type Knex } from '../../common/database/database.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { pageOf } from '../api/listing.ts';
import { microsecondsOf } from '../expiry.ts';
import type { Trust, TrustRole } from './trust.ts';

interface Row {
  id: string;
  trustor_user_id: string;
  trustee_user_id: string;
  project_id: string | null;
  impersonation: boolean;
  expires_at_text: string | null;
  remaining_uses: number | null;
  redelegation_count: number;
  redelegated_trust_id: string | null;
  roles: TrustRole[];
}

function columns(db: Knex) {
  return [
    ...['t.id', 't.trustor_user_id', 't.trustee_user_id', 't.project_id', 't.impersonation'],
    ...['t.remaining_uses', 't.redelegation_count', 't.redelegated_trust_id'],
    db.raw(`${microsecondsOf('t.expires_at')} as expires_at_text`),
    db.raw(`(select coalesce(json_agg(json_build_object('id', r.id, 'name', r.name, 'description', r.description) order by r.name), '[]')
      from trust_roles g join roles r on r.id = g.role_id where g.trust_id = t.id) as roles`),
  ];
}

function fromRow(row: Row): Trust {
  return {
    id: row.id,
    trustorId: row.trustor_user_id,
    trusteeId: row.trustee_user_id,
    projectId: row.project_id,
    impersonation: row.impersonation,
    expiresAt: row.expires_at_text,
    remainingUses: row.remaining_uses,
    redelegationCount: row.redelegation_count,
    redelegatedTrustId: row.redelegated_trust_id,
    roles: row.roles,
  };
}

/** Says whether it would be over already. */
export async function insertTrust(
  trx: Knex,
  { roleIds, ...trust }: Omit<Trust, 'roles'> & { roleIds: string[] },
): Promise<{ isExpired: boolean }> {
  const [row] = await trx('trusts')
    .insert({
      id: trust.id,
      trustor_user_id: trust.trustorId,
      trustee_user_id: trust.trusteeId,
      project_id: trust.projectId,
      impersonation: trust.impersonation,
      expires_at: trust.expiresAt,
      remaining_uses: trust.remainingUses,
      redelegation_count: trust.redelegationCount,
      redelegated_trust_id: trust.redelegatedTrustId,
    })
    .returning(trx.raw('coalesce(expires_at <= now(), false) as is_expired'));
  if (roleIds.length > 0)
    await trx('trust_roles').insert(roleIds.map((roleId) => ({ trust_id: trust.id, role_id: roleId })));
  return { isExpired: row.is_expired };
}

/** One that is over, or used up, is there no more, as in keystone. */
export async function findTrust(db: Knex, id: string): Promise<Trust | undefined> {
  const row: Row | undefined = await db('trusts as t')
    .where({ 't.id': id })
    .whereRaw('(t.expires_at is null or t.expires_at > now())')
    .whereRaw('t.remaining_uses is distinct from 0')
    .first(columns(db));
  return row && fromRow(row);
}

/** Also those that are over. */
export async function listTrusts(
  db: Knex,
  { trustorId, trusteeId }: { trustorId?: string | undefined; trusteeId?: string | undefined },
  page: PageRequest,
): Promise<{ trusts: Trust[]; more: boolean }> {
  const query = db('trusts as t').where(given({ 't.trustor_user_id': trustorId, 't.trustee_user_id': trusteeId }));
  const keys = [{ column: 't.created_at', direction: 'asc' as const }];
  const { rows, more } = await pageOf<Row>(query.select(columns(db)), page, keys, { idColumn: 't.id' });
  return { trusts: rows.map(fromRow), more };
}

/** Removes it and all that it was redelegated to; gives their ids. */
export async function removeTrust(trx: Knex, id: string): Promise<string[]> {
  const { rows } = await trx.raw(
    `with recursive handed(id) as (
       select id from trusts where id = :id
       union select t.id from trusts t join handed h on t.redelegated_trust_id = h.id
     )
     select id from handed`,
    { id },
  );
  await trx('trusts').where({ id }).delete();
  return rows.map((row: { id: string }) => row.id);
}

/** All of the trusts that one came from by redelegation, itself included. */
const chain = `with recursive chain as (
    select t.*, 0 as depth from trusts t where t.id = :id
    union all select p.*, c.depth + 1 from trusts p join chain c on p.id = c.redelegated_trust_id
  )`;

/** Whose roles a trust hands on: the trustor of the first in its chain. */
export async function findHolder(db: Knex, id: string): Promise<string | undefined> {
  const { rows } = await db.raw(`${chain} select trustor_user_id from chain where redelegated_trust_id is null`, {
    id,
  });
  return rows[0]?.trustor_user_id;
}

/** What logging in with a trust needs to know. */
export interface KnownTrust {
  trustorId: string;
  trusteeId: string;
  projectId: string | null;
  impersonation: boolean;
  roleIds: string[];
  /** Those of all trusts in its chain: the first's, as each has no more than the one before. */
  chainRoleIds: string[];
  /** Everybody in its chain, first whose roles they are. */
  agentIds: string[];
  /** None of them is gone or disabled, and none of its chain is over. */
  isGood: boolean;
  expiresAt: Date | null;
  /** How many revocations had happened when it was read: a later one ends what is made from it. */
  epoch: number;
}

/** For logging in only, in one statement. */
export async function findForLogIn(db: Knex, id: string): Promise<KnownTrust | undefined> {
  const { rows } = await db.raw(
    `${chain}, agents as (select trustor_user_id as id from chain union select trustee_user_id from chain)
     select t.trustor_user_id, t.trustee_user_id, t.project_id, t.impersonation, t.expires_at,
       array(select role_id from trust_roles where trust_id = t.id) as role_ids,
       array(select distinct role_id from trust_roles where trust_id in (select id from chain)) as chain_role_ids,
       array(select unnest(array[trustor_user_id, trustee_user_id]) from chain order by depth desc) as agent_ids,
       not exists (select from agents join users u using (id) join domains d on d.id = u.domain_id
                    where not (u.enabled and d.enabled))
         and not exists (select from chain where expires_at <= clock_timestamp() or remaining_uses = 0) as is_good,
       (select epoch from token_epoch) as epoch
     from chain t where t.depth = 0`,
    { id },
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    trustorId: row.trustor_user_id,
    trusteeId: row.trustee_user_id,
    projectId: row.project_id,
    impersonation: row.impersonation,
    roleIds: row.role_ids,
    chainRoleIds: row.chain_role_ids,
    agentIds: [...new Set<string>(row.agent_ids)],
    isGood: row.is_good,
    expiresAt: row.expires_at,
    epoch: row.epoch,
  };
}

/** Takes one of the uses that are left, if they are counted. False: there is none, or no such trust any more. */
export async function consumeUse(db: Knex, id: string): Promise<boolean> {
  const { rows } = await db.raw(
    `with used as (
       update trusts set remaining_uses = remaining_uses - 1 where id = :id and remaining_uses > 0 returning id
     )
     select id from used union select id from trusts where id = :id and remaining_uses is null`,
    { id },
  );
  return rows.length > 0;
}
