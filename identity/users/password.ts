import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Unavailable } from '../../common/errors.ts';
import type { Secret } from '../../common/secret.ts';

const onThread = promisify(argon2);

/** At once: one for each processor. More would only take libuv's threads from files, name look-ups and libvirt. */
const atOnce = availableParallelism();
/** Whoever comes when this many wait is told to come again: a flood of logins must not queue for minutes. */
const longestQueue = 64;
const waiting: (() => void)[] = [];
let deriving = 0;

/** @throws Unavailable when too many logins are waiting. */
async function derive(...args: Parameters<typeof onThread>): Promise<Buffer> {
  if (deriving >= atOnce) {
    if (waiting.length >= longestQueue) throw new Unavailable('Too many people are logging in; try again.');
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else deriving += 1;
  try {
    return await onThread(...args);
  } finally {
    const next = waiting.shift(); // who gets the place keeps it counted
    if (next) next();
    else deriving -= 1;
  }
}

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
