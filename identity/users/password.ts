import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Secret } from '../../common/secret.ts';

const derive = promisify(argon2);

// OWASP Password Storage Cheat Sheet, first choice: argon2id, 19 MiB, 2 passes, 1 lane. On libuv's threads, off the main one.
const parameters = { memory: 19456, passes: 2, parallelism: 1, tagLength: 32 } as const;

/** `argon2id$m,t,p$salt$hash`, the numbers first so that they can be raised later. */
export async function hashPassword(password: Secret): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await derive('argon2id', { ...parameters, nonce, message: password.reveal() });
  const { memory, passes, parallelism } = parameters;
  return `argon2id$${memory},${passes},${parallelism}$${nonce.toString('base64')}$${tag.toString('base64')}`;
}

/** Takes as long for a user that does not exist (`stored` null) as for a wrong password. */
export async function verifyPassword(password: Secret, stored: string | null): Promise<boolean> {
  const [, numbers = '', salt = '', hash = ''] = (stored ?? absent).split('$');
  const [memory = 0, passes = 0, parallelism = 0] = numbers.split(',').map(Number);
  const expected = Buffer.from(hash, 'base64');
  const tag = await derive('argon2id', {
    memory,
    passes,
    parallelism,
    tagLength: expected.length,
    nonce: Buffer.from(salt, 'base64'),
    message: password.reveal(),
  });
  return timingSafeEqual(tag, expected) && stored !== null;
}

/** The hash of nobody's password: the same work, never a match. */
const absent = `argon2id$${parameters.memory},${parameters.passes},${parameters.parallelism}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;
