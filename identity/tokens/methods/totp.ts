import { createHmac } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { type Secret, secretsEqual } from '../../../common/secret.ts';
import { listTotpSecrets } from '../../credentials/store.ts';
import { attemptOf, failed, findLogin, isLocked, type UserReference } from '../../users/login.ts';
import type { TokenDeps } from '../deps.ts';
import type { Proof } from './proof.ts';

/** A credential of type `totp`. */
export interface TotpSecret {
  credentialId: string;
  /** In base32, as authenticator programs take it. */
  secret: Secret;
}

export interface AskedPasscode {
  user: UserReference;
  passcode: string;
}

/** Seconds of each passcode, and its digits: keystone's, and what authenticator programs assume (RFC 6238). */
const stepSeconds = 30;
const digits = 6;

/**
 * Whoever has one of the user's secrets knows the passcode of this half minute. Each works once. A wrong one is a failed login
 * like a wrong password, counted apart from those: who knows the password must not wipe out the wrong guesses with it.
 * Throws `Unauthorized` and says no more, or `TooManyRequests`.
 */
export async function proveTotp(deps: TokenDeps, { user, passcode }: AskedPasscode, address: string): Promise<Proof> {
  const { db, compliance, attempts } = deps;
  const words = { ...attemptOf(user, address), isPasscode: true };
  attempts.check(words);
  const login = await findLogin(db, user);
  const attempt = { ...words, subject: login?.userId };
  const secrets = await listTotpSecrets(deps, login?.userId ?? ''); // also of nobody, so that it takes as long
  const now = Math.floor((login?.nowSeconds ?? 0) / stepSeconds);
  const found = matching(secrets, passcode, { now, previous: compliance.totpPreviousWindows });
  const isKept = login && (isLocked(login, compliance) || attempts.isBarred(attempt));
  if (!login || !found || isKept) throw await failed(deps, attempt, found ? undefined : login);
  attempts.check(attempt); // of many that were sent at once, those after the last allowed failure do not count
  if (!(await spend(db, login.userId, found, now))) throw await failed(deps, attempt, undefined);
  attempts.succeeded(attempt);
  return { method: 'totp', userId: login.userId };
}

/** Which secret made it, and in which step. Compares with all of them, whatever is found. */
function matching(secrets: TotpSecret[], passcode: string, { now, previous }: { now: number; previous: number }) {
  let found: { credentialId: string; step: number } | undefined;
  for (const { credentialId, secret } of secrets)
    for (let step = now; step >= now - previous; step -= 1) {
      const right = passcodeOf(secret, step);
      if (right !== null && secretsEqual(right, passcode)) found ??= { credentialId, step };
    }
  return found;
}

/** The passcode of a step (RFC 4226, RFC 6238 with SHA-1); null when the secret is none. */
export function passcodeOf(secret: Secret, step: number): string | null {
  const key = fromBase32(secret.reveal());
  if (key.length === 0) return null;
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = (mac.at(-1) as number) & 0xf;
  const number = (mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits;
  return String(number).padStart(digits, '0');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, with or without padding, in either case. Empty for what is none. */
function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text.replace(/=+$/, '').toUpperCase()) {
    const index = alphabet.indexOf(letter);
    if (index < 0) return Buffer.alloc(0);
    value = ((value << 5) | index) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}

/** Takes the passcode out of use, and those of its secret before it. False when it was out of use already. */
async function spend(
  db: Knex,
  userId: string,
  { credentialId, step }: { credentialId: string; step: number },
  now: number,
): Promise<boolean> {
  const { rows } = await db.raw(
    `with forgotten as (delete from spent_passcodes where user_id = :userId and step < :oldest and credential_id <> :credentialId)
     insert into spent_passcodes as s (credential_id, user_id, step) values (:credentialId, :userId, :step)
     on conflict (credential_id) do update set step = excluded.step where s.step < excluded.step
     returning step`,
    { userId, credentialId, step, oldest: now - 100 },
  );
  return rows.length === 1;
}
