/** What a host does for a server that comes from another one, asked over the road by the host that it leaves. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Knex } from '../../../common/database/database.ts';
import { Conflict, Unavailable } from '../../../common/errors.ts';
import { secretsEqual } from '../../../common/secret.ts';
import type { DiskPlace, ServerDriver, ServerSpec } from '../../drivers/driver.ts';
import type { HostImageCache } from '../../image-cache/cache.ts';
import { watchingDeletion } from '../deletion-watch.ts';
import type { Server } from '../server.ts';
import { getServer } from '../store.ts';
import { takeImage } from './carried-image.ts';
import type { MoveStatus } from './move.ts';
import type { Question, Reply } from './road.ts';
import { findMove } from './store.ts';
import { takeAll, takePieces } from './wire.ts';

export interface ArrivalDeps {
  db: Knex;
  driver: ServerDriver;
  cache: Pick<HostImageCache, 'ensure' | 'take'>;
  hostName: string;
  specOf(server: Server, signal: AbortSignal): Promise<ServerSpec>;
}

export interface Arrivals {
  answer(moveId: string, question: Question): Promise<Reply>;
  /** Something of the server is coming in just now: nothing of it is to be removed before that has ended. */
  isComing(serverId: string): boolean;
}

const digestBytes = 32;

/** In which status of a move each thing may be asked. */
const inStatus: Record<string, readonly MoveStatus[]> = {
  image: ['pre-migrating', 'migrating', 'preparing'],
  disk: ['migrating'],
  prepare: ['preparing'],
  observe: ['running'],
  channel: ['running'],
};

export function arrivals(deps: ArrivalDeps): Arrivals {
  const { db, driver, hostName } = deps;
  const coming = new Map<string, number>();

  async function answer(moveId: string, question: Question): Promise<Reply> {
    const move = await findMove(db, moveId);
    if (move === undefined || move.destinationHost !== hostName || !inStatus[question.call]?.includes(move.status))
      throw new Conflict('The server is not on its way here.');
    const server = await getServer(db, 'everyone', move.serverId);
    if (server.otherHostName !== hostName) throw new Conflict('The server is not on its way here.');
    switch (question.call) {
      case 'image':
        return takeImage(deps.cache, server, question, (work) => during(server, work));
      case 'disk':
        return receiveDisk(server, placeOf(question.place));
      case 'prepare':
        return during(server, async (signal) => {
          await driver.prepareArrival(await deps.specOf(server, signal));
          return { answer: {} };
        });
      case 'observe': {
        const guest = await driver.observe(server.id);
        return { answer: { isWhole: guest !== undefined && guest.isComingIn !== true } };
      }
      default:
        return openChannel(server, String(question.name));
    }
  }

  async function receiveDisk(server: Server, place: DiskPlace): Promise<Reply> {
    if (place !== 'root' && server.localDisks[place] === undefined) throw new Conflict('The server has no such disk.');
    const spec = await during(server, (signal) => deps.specOf(server, signal));
    if (await driver.hasDisk(server.id, spec, place)) return { answer: { isThere: true } };
    return {
      answer: { isThere: false },
      next: (socket) =>
        during(server, async (signal) => {
          signal.addEventListener('abort', () => socket.destroy());
          await driver.receiveDisk(spec, place, whole(socket));
          return {};
        }),
    };
  }

  async function openChannel(server: Server, name: string): Promise<Reply> {
    const inner = await driver.acceptArrival(server.id, name);
    return {
      answer: {},
      next: (socket) => during(server, () => join(socket, inner)).then(() => undefined),
    };
  }

  async function during<T>(server: Server, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    coming.set(server.id, (coming.get(server.id) ?? 0) + 1);
    try {
      return await watchingDeletion(db, server.id, work);
    } finally {
      const left = (coming.get(server.id) ?? 1) - 1;
      if (left > 0) coming.set(server.id, left);
      else coming.delete(server.id);
    }
  }

  return { answer, isComing: (serverId) => coming.has(serverId) };
}

function placeOf(said: unknown): DiskPlace {
  if (said === 'root' || (Number.isSafeInteger(said) && Number(said) >= 0)) return said as DiskPlace;
  throw new Conflict('The server has no such disk.');
}

/** The data of a disk, which is only whole when what was sent after it says so. */
async function* whole(socket: Duplex): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of takePieces(socket)) {
    hash.update(chunk);
    yield chunk;
  }
  if (!secretsEqual((await takeAll(socket, digestBytes)).toString('hex'), hash.digest('hex')))
    throw new Unavailable('The disk did not arrive as it was sent.');
}

/** Until either side ends. */
export function join(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        resolve();
      });
      from.pipe(to);
    }
  });
}
