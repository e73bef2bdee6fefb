import { createHash, createHmac, randomBytes } from 'node:crypto';
import { boundedMap } from '../../common/bounded-map.ts';
import { Secret, secretsEqual } from '../../common/secret.ts';
import { hashPassword, verifyPassword } from '../users/password.ts';
import type { KnownApplicationCredential } from './store.ts';

/** 512 random bits in base64url, as keystone makes them. */
export function newSecret(): Secret {
  return new Secret(randomBytes(64).toString('base64url'));
}

/**
 * How a secret is kept. One of ours is kept as a salted SHA-256: slow hashes are there because people's passwords can be
 * guessed, and nobody guesses 512 random bits, however fast each guess is; so a program's login need not cost 20 ms and
 * 19 MiB. One that a person chose is a password, and is kept as one.
 */
export async function hashSecret(secret: Secret, { isGenerated }: { isGenerated: boolean }): Promise<string> {
  if (!isGenerated) return hashPassword(secret);
  const salt = randomBytes(16);
  return `sha256$${salt.toString('base64')}$${digest(salt, secret)}`;
}

/** Whether it takes next to no time to find a secret wrong, which would tell that there is one of ours. */
export function isQuick(stored: string): boolean {
  return stored.startsWith('sha256$');
}

export interface KnownSecrets {
  /** Whether the secret is the one that was kept; `stored` null, of nobody's, takes as long as a chosen one that is wrong. `mayStart` as for `verifyPassword`. */
  verify(secret: Secret, stored: string | null, mayStart: () => void): Promise<boolean>;
  /** A credential that was logged in with here, by its id. It may be gone meanwhile. */
  find(id: string): KnownApplicationCredential | undefined;
  remember(credential: KnownApplicationCredential): void;
}

/**
 * Remembers the `most` latest chosen secrets that were right, each as a digest under a key that only this process has ever
 * had: a program logs in with the same one again and again, and argon2id is needed for the first time only. A kept secret
 * never changes, so what was right once stays right.
 */
export function rememberSecrets({ most = 2000 } = {}): KnownSecrets {
  const key = randomBytes(32);
  const right = new Map<string, string>();
  const credentials = boundedMap<KnownApplicationCredential>(
    { entries: most, total: 20_000 },
    ({ accessRules }) => accessRules?.length ?? 0,
  );
  return {
    find: (id) => credentials.get(id),
    remember: (credential) => credentials.set(credential.id, credential),
    async verify(secret, stored, mayStart) {
      const [kind, salt = '', hash = ''] = stored?.split('$') ?? [];
      if (kind === 'sha256') return secretsEqual(digest(Buffer.from(salt, 'base64'), secret), hash);
      const mine = createHmac('sha256', key).update(secret.reveal()).digest('base64');
      const known = stored === null ? undefined : right.get(stored);
      if (known !== undefined && secretsEqual(known, mine)) return true;
      if (!(await verifyPassword(secret, stored, mayStart)) || stored === null) return false;
      right.set(stored, mine);
      if (right.size > most) right.delete(right.keys().next().value as string);
      return true;
    },
  };
}

function digest(salt: Buffer, secret: Secret): string {
  return createHash('sha256').update(salt).update(secret.reveal()).digest('base64');
}
