import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Knex } from '../../common/database/database.ts';
import { Secret } from '../../common/secret.ts';

export interface SigningKey {
  id: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** All keys whose tokens are accepted, newest first; the newest signs. */
export async function loadKeys(db: Knex, master: Secret): Promise<SigningKey[]> {
  const rows = await db('token_keys').orderBy('created_at', 'desc').orderBy('id');
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      publicKey: (await importJWK(row.public_key, 'EdDSA')) as CryptoKey,
      privateKey: (await importJWK(JSON.parse(unseal(row.sealed_private_key, master)), 'EdDSA')) as CryptoKey,
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

/** Adds a key, which signs from now on. The older ones still verify. */
export async function addKey(db: Knex, master: Secret): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk: JWK = await exportJWK(privateKey);
  await db('token_keys').insert({
    id: randomBytes(8).toString('hex'),
    public_key: await exportJWK(publicKey),
    sealed_private_key: seal(JSON.stringify(jwk), master),
  });
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

// AES-256-GCM: 12 bytes of nonce, 16 of tag, then the text.
function seal(text: string, master: Secret): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(master), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

function unseal(sealed: string, master: Secret): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(master), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}

function keyFrom(master: Secret): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(master.reveal(), 'hex'), '', 'cirrostack token keys', 32));
}
