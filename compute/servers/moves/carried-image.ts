/**
 * The image that a server's disk stands on. The host where the server goes gets it from the image service; where that no longer has it,
 * as of servers that were shelved, it comes from the host that the server leaves, and is compared with the checksum that it had.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { BadRequest, Conflict, NotFound, Unavailable } from '../../../common/errors.ts';
import type { ImageData } from '../../../image/images/use.ts';
import type { HostImageCache } from '../../image-cache/cache.ts';
import { waitUnless, watchingDeletion } from '../deletion-watch.ts';
import type { Server } from '../server.ts';
import type { LeavingDeps } from './hand-over.ts';
import type { Move } from './move.ts';
import { callOverRoad, type Question, type Reply, readAnswer } from './road.ts';
import { takeBytes, writeMessage } from './wire.ts';

/** Has the other host have it, which is called at `address`. Throws `PermanentFailure` when nobody has it whole. */
export async function bringImage(
  { db, master, cache }: Pick<LeavingDeps, 'db' | 'master' | 'cache'>,
  { id, diskImageId }: Server,
  move: Pick<Move, 'id'>,
  address: string,
): Promise<void> {
  const copy = await cache.copyOf(diskImageId);
  const told = copy && { sizeBytes: copy.sizeBytes, sha512: copy.sha512 };
  await watchingDeletion(db, id, async (signal) => {
    const { answer, socket } = await callOverRoad(address, master, move.id, { call: 'image', ...told });
    try {
      let { from } = answer.isThere === true ? {} : await readAnswer(socket);
      while (copy !== undefined && typeof from === 'number') {
        const data = await copy.open({ first: from, last: copy.sizeBytes - 1 });
        await pipeline(data, socket, { end: false, signal }).catch(lost);
        ({ from } = await readAnswer(socket));
      }
    } finally {
      socket.destroy();
    }
  });
}

/** The other end. `during` ends with the server. */
export async function takeImage(
  cache: Pick<HostImageCache, 'ensure' | 'take'>,
  { diskImageId }: Server,
  { sizeBytes, sha512 }: Question,
  during: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>,
): Promise<Reply> {
  const isThere = await during((signal) =>
    waitUnless(
      signal,
      cache.ensure(diskImageId).then(() => true, unlessGone),
    ),
  );
  if (isThere) return { answer: { isThere } };
  if (!Number.isSafeInteger(sizeBytes) || Number(sizeBytes) <= 0 || !/^[0-9a-f]{128}$/.test(String(sha512)))
    throw new Conflict(`The image ${diskImageId} that the disk of the server stands on is gone from everywhere.`);
  return {
    answer: { isThere },
    next: (socket) =>
      during(async (signal) => {
        signal.addEventListener('abort', () => socket.destroy());
        await cache.take(diskImageId, overRoad(socket, Number(sizeBytes), String(sha512)));
        return {};
      }),
  };
}

/** Asks for the data from where it has it. */
function overRoad(socket: TLSSocket, sizeBytes: number, sha512: string): ImageData {
  return {
    sizeBytes,
    sha512,
    localPath: async () => undefined,
    async open({ first } = { first: 0, last: sizeBytes - 1 }) {
      writeMessage(socket, { from: first });
      return Readable.from(takeBytes(socket, sizeBytes - first), { objectMode: false });
    },
  };
}

function lost(cause: Error): never {
  throw new Unavailable('The image could not be sent to the other host.', { cause });
}

function unlessGone(error: unknown): false {
  if (error instanceof NotFound || error instanceof BadRequest) return false;
  throw error;
}
