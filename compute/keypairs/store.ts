/** All the SQL of keypairs. They belong to users, not to projects: every query names the user. */
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound, OverQuota } from '../../common/errors.ts';
import { quotaLimits } from '../limits.ts';
import type { Keypair } from './keypair.ts';

interface KeypairRow {
  number: number;
  user_id: string;
  name: string;
  public_key: string;
  fingerprint: string;
  created_at: Date;
}

/** By name. There are at most as many as the quota allows, so they come in one piece. */
export async function listKeypairs(db: Knex, userId: string): Promise<Keypair[]> {
  const rows: KeypairRow[] = await db('keypairs').where({ user_id: userId }).orderBy('name');
  return rows.map(fromRow);
}

export async function findKeypair(db: Knex, userId: string, name: string): Promise<Keypair | undefined> {
  const row: KeypairRow | undefined = await db('keypairs').where({ user_id: userId, name }).first();
  return row && fromRow(row);
}

export async function getKeypair(db: Knex, userId: string, name: string): Promise<Keypair> {
  const keypair = await findKeypair(db, userId, name);
  if (keypair === undefined) throw new NotFound('Keypair', name);
  return keypair;
}

/** Throws `Conflict` when the user has one of that name, `OverQuota` when they have as many as they may. */
export async function insertKeypair(
  db: Knex,
  keypair: Pick<Keypair, 'userId' | 'name' | 'publicKey' | 'fingerprint'>,
): Promise<Keypair> {
  const { userId, name, publicKey, fingerprint } = keypair;
  try {
    return await db.transaction(async (trx) => {
      await trx.raw("select pg_advisory_xact_lock(hashtextextended('keypairs ' || ?, 0))", [userId]);
      const { count } = (await trx('keypairs').where({ user_id: userId }).count('*').first()) as { count: number };
      if (count >= quotaLimits.key_pairs) throw new OverQuota('Quota exceeded, too many key pairs.');
      const [row] = await trx('keypairs')
        .insert({ user_id: userId, name, public_key: publicKey, fingerprint })
        .returning('*');
      return fromRow(row);
    });
  } catch (error) {
    if (violatedConstraint(error)) throw new Conflict(`Key pair '${name}' already exists.`);
    throw error;
  }
}

export async function deleteKeypair(db: Knex, userId: string, name: string): Promise<void> {
  if ((await db('keypairs').where({ user_id: userId, name }).delete()) === 0) throw new NotFound('Keypair', name);
}

function fromRow(row: KeypairRow): Keypair {
  return {
    number: row.number,
    userId: row.user_id,
    name: row.name,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    createdAt: row.created_at,
  };
}
