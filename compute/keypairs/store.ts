/** All the SQL of keypairs. They belong to users, not to projects: every query names the user. */
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { selectPage } from '../../common/database/page.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { Keypair } from './keypair.ts';

interface KeypairRow {
  number: number;
  user_id: string;
  name: string;
  public_key: string;
  fingerprint: string;
  created_at: Date;
}

/** By name. A marker is a name. */
export async function listKeypairs(
  db: Knex,
  userId: string,
  page: PageRequest,
): Promise<{ keypairs: Keypair[]; more: boolean }> {
  const query = db('keypairs').where({ user_id: userId }).select('*');
  const byName = [{ column: 'name', direction: 'asc' } as const];
  const { rows, more } = await selectPage<KeypairRow>(query, page, byName, { idColumn: 'name' });
  return { keypairs: rows.map(fromRow), more };
}

export async function countKeypairs(db: Knex, userId: string): Promise<number> {
  const { count } = (await db('keypairs').where({ user_id: userId }).count('*').first()) as { count: number };
  return count;
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

/** Throws `Conflict` when the user has one of that name. */
export async function insertKeypair(
  trx: Knex,
  { userId, name, publicKey, fingerprint }: Pick<Keypair, 'userId' | 'name' | 'publicKey' | 'fingerprint'>,
): Promise<Keypair> {
  try {
    const [row] = await trx('keypairs')
      .insert({ user_id: userId, name, public_key: publicKey, fingerprint })
      .returning('*');
    return fromRow(row);
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
