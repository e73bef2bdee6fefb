import { randomBytes } from 'node:crypto';
import { type Secret, secretsEqual } from '../../common/secret.ts';
import { derive } from './hashing.ts';

// OWASP Password Storage Cheat Sheet, first choice: argon2id, 19 MiB, 2 passes, 1 lane.
const parameters = { memory: 19456, passes: 2, parallelism: 1, tagLength: 32 } as const;

const always = () => undefined;

/** `argon2id$m,t,p$salt$hash`, the numbers first so that they can be raised later. */
export async function hashPassword(password: Secret): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await derive({ ...parameters, nonce, message: password.reveal() }, always);
  return formatted(parameters, nonce, tag);
}

/**
 * Takes as long for a user that does not exist (`stored` null) as for a wrong password. `mayStart` is asked when its turn has
 * come, before the work is done, and may throw.
 */
export async function verifyPassword(
  password: Secret,
  stored: string | null,
  mayStart: () => void = always,
): Promise<boolean> {
  const { memory, passes, parallelism, nonce, tag: expected } = parsed(stored ?? absent);
  const derivation = { memory, passes, parallelism, nonce, tagLength: expected.length, message: password.reveal() };
  const tag = await derive(derivation, mayStart);
  return secretsEqual(Buffer.from(tag).toString('base64'), expected.toString('base64')) && stored !== null;
}

/** Whether it was made when less work was thought to be enough, and is better made anew from the password while that is known. */
export function isOutdated(stored: string): boolean {
  const { memory, passes, parallelism } = parsed(stored);
  return memory * passes * parallelism < parameters.memory * parameters.passes * parameters.parallelism;
}

function formatted(
  { memory, passes, parallelism }: { memory: number; passes: number; parallelism: number },
  nonce: Uint8Array,
  tag: Uint8Array,
): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return `argon2id$${memory},${passes},${parallelism}$${base64(nonce)}$${base64(tag)}`;
}

function parsed(stored: string) {
  const [, numbers = '', salt = '', hash = ''] = stored.split('$');
  const [memory = 0, passes = 0, parallelism = 0] = numbers.split(',').map(Number);
  return { memory, passes, parallelism, nonce: Buffer.from(salt, 'base64'), tag: Buffer.from(hash, 'base64') };
}

/** The hash of nobody's password: the same work, never a match. */
const absent = formatted(parameters, Buffer.alloc(16), Buffer.alloc(parameters.tagLength));
