/** A thread that derives keys from passwords, one after the other; see hashing.ts. */
import { argon2Sync } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Derivation } from './hashing.ts';

/**
 * On Linux 0 is the calling thread, so it is this one alone that gives way. Whatever else wants a processor then gets it at
 * once, and no request waits behind passwords; on a busy machine passwords still get a good part of one.
 */
const niceness = 10;

setPriority(0, niceness);
parentPort?.on('message', ({ message, nonce, memory, passes, parallelism, tagLength }: Derivation) => {
  parentPort?.postMessage(argon2Sync('argon2id', { message, nonce, memory, passes, parallelism, tagLength }));
});
