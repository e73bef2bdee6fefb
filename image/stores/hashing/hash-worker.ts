/** A thread that hashes blocks of memory in the order in which they come, and hands them on; see hashing.ts. */
import { createHash } from 'node:crypto';
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { HashedBlock, HashTask } from './hashing.ts';

parentPort?.on('message', ({ algorithm, from, to }: HashTask) => {
  const hash = createHash(algorithm);
  const hand = (block: HashedBlock) => to.postMessage(block, block.memory ? [block.memory] : []);
  from.on('message', ({ memory, length, checksums }: HashedBlock) => {
    if (memory !== undefined) {
      hash.update(new Uint8Array(memory, 0, length));
      hand({ memory, length });
    } else {
      hand({ checksums: { ...checksums, [algorithm]: hash.digest('hex') } });
      from.close();
    }
  });
  from.on('close', () => (to as MessagePort).close());
});
