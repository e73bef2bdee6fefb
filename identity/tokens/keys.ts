import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Knex } from '../../common/database/database.ts';
import { type Notifications, notify } from '../../common/database/notifications.ts';
import { Secret } from '../../common/secret.ts';
import { seal, unseal } from '../sealing.ts';

export interface SigningKey {
  id: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** The keys of this process, which hears of new ones. */
export interface SigningKeys {
  /** The newest, which signs. */
  signing(): SigningKey;
  /** Any whose tokens are still accepted; one that is not known yet is looked for in the database. */
  find(id: string): Promise<SigningKey | undefined>;
  stop(): void;
}

const topic = 'token-keys';

/** Strangers may send any key's id: no more than one look a second for those that nobody knows. */
const leastBetweenLooksMs = 1000;

/** Loads the keys and keeps them fresh. Throws when they cannot be read, or are sealed with another master key. */
export async function watchKeys(db: Knex, master: Secret, notifications: Notifications): Promise<SigningKeys> {
  let keys = await loadKeys(db, master);
  let lastLook = performance.now();
  const look = async () => {
    lastLook = performance.now();
    keys = await loadKeys(db, master);
  };
  const unsubscribe = notifications.subscribe(topic, () => void look().catch(() => undefined));
  return {
    signing: () => keys[0] as SigningKey,
    async find(id) {
      const isKnown = () => keys.find((key) => key.id === id);
      if (!isKnown() && performance.now() - lastLook > leastBetweenLooksMs) await look();
      return isKnown();
    },
    stop: unsubscribe,
  };
}

/**
 * A new key signs from now on; tokens of the older ones stay good until they expire, and a key goes once all of its tokens
 * have. Gives the id of the new one, and how many went.
 */
export async function rotateKeys(
  db: Knex,
  master: Secret,
  tokenSeconds: number,
): Promise<{ id: string; removed: number }> {
  return db.transaction(async (trx) => {
    await trx.raw('lock table token_keys in exclusive mode');
    // With another master key this would sign with what no process of the cloud can open.
    for (const key of await trx('token_keys')) unseal(key.sealed_private_key, master, 'token keys');
    // The last token of a key was signed when the next one came, or a moment later by a process that had not heard of it.
    const removed = await trx('token_keys as old')
      .whereExists((newer) =>
        newer
          .select('id')
          .from('token_keys as newer')
          .whereRaw('newer.created_at > old.created_at')
          .whereRaw(`newer.created_at < now() - make_interval(secs => ?)`, [tokenSeconds + 300]),
      )
      .delete();
    const id = await addKey(trx, master);
    await notify(trx, topic, id);
    return { id, removed };
  });
}

/** All keys whose tokens are accepted, newest first; the newest signs. */
async function loadKeys(db: Knex, master: Secret): Promise<SigningKey[]> {
  const rows = await db('token_keys').orderBy('created_at', 'desc').orderBy('id');
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      publicKey: (await importJWK(row.public_key, 'EdDSA')) as CryptoKey,
      privateKey: (await importJWK(
        JSON.parse(unseal(row.sealed_private_key, master, 'token keys')),
        'EdDSA',
      )) as CryptoKey,
    })),
  );
}

/** Makes the first key unless there is one. Any number of processes may call it at once. */
export async function ensureKey(db: Knex, master: Secret): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw('lock table token_keys in exclusive mode');
    const existing = await trx('token_keys').first('id');
    if (existing === undefined) await addKey(trx, master);
  });
}

async function addKey(db: Knex, master: Secret): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk: JWK = await exportJWK(privateKey);
  const id = randomBytes(8).toString('hex');
  await db('token_keys').insert({
    id,
    public_key: await exportJWK(publicKey),
    sealed_private_key: seal(JSON.stringify(jwk), master, 'token keys'),
    created_at: db.raw('clock_timestamp()'),
  });
  return id;
}

/** The key under which secrets are kept in the database: a file beside it, so that a dump of the database alone opens nothing. */
export async function readMasterKey(path: string): Promise<Secret> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${randomBytes(32).toString('hex')}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${path} does not hold a master key: 64 hexadecimal digits.`);
  return new Secret(text);
}
