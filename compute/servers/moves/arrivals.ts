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

type Work<T> = (signal: AbortSignal) => Promise<T>;

/** Does what may still be asked, and is seen by `isComing` meanwhile. */
type During = <T>(work: Work<T>) => Promise<T>;

const digestBytes = 32;

/** In which status of a move each thing may be asked. */
const inStatus: Record<string, readonly MoveStatus[]> = {
  image: ['pre-migrating', 'migrating', 'preparing'],
  disk: ['migrating'],
  prepare: ['preparing'],
  observe: ['running', 'accepted'],
  channel: ['running'],
};

export function arrivals(deps: ArrivalDeps): Arrivals {
  const { db, driver, hostName } = deps;
  const coming = new Map<string, number>();

  async function answer(moveId: string, question: Question): Promise<Reply> {
    const check = () => expected(moveId, question.call);
    const server = await check();
    const during: During = (work) => counted(server, check, work);
    switch (question.call) {
      case 'image':
        return takeImage(deps.cache, server, question, during);
      case 'disk':
        return receiveDisk(server, placeOf(question.place), during);
      case 'prepare':
        return during(async (signal) => {
          await driver.prepareArrival(await deps.specOf(server, signal));
          return { answer: {} };
        });
      case 'observe': {
        const guest = await driver.observe(server.id);
        return { answer: { isWhole: guest !== undefined && guest.isComingIn !== true } };
      }
      default:
        return openChannel(server, String(question.name), during);
    }
  }

  async function expected(moveId: string, call: string): Promise<Server> {
    const move = await findMove(db, moveId);
    if (move?.destinationHost === hostName && inStatus[call]?.includes(move.status)) {
      const server = await getServer(db, 'everyone', move.serverId);
      if (server.otherHostName === hostName) return server;
    }
    if (move?.destinationDecides && move.status === 'accepted')
      throw new Unavailable('The server is being taken over: its host was dead.'); // its end is not far
    throw new Conflict('The server is not on its way here.');
  }

  async function receiveDisk(server: Server, place: DiskPlace, during: During): Promise<Reply> {
    if (place !== 'root' && server.localDisks[place] === undefined) throw new Conflict('The server has no such disk.');
    const spec = await during((signal) => deps.specOf(server, signal));
    if (await driver.hasDisk(server.id, spec, place)) return { answer: { isThere: true } };
    return {
      answer: { isThere: false },
      next: (socket) =>
        during(async (signal) => {
          signal.addEventListener('abort', () => socket.destroy());
          await driver.receiveDisk(spec, place, whole(socket));
          return {};
        }),
    };
  }

  async function openChannel(server: Server, name: string, during: During): Promise<Reply> {
    const inner = await during(() => driver.acceptArrival(server.id, name));
    inner.on('error', () => {}); // `join` sees that it is gone
    return {
      answer: {},
      next: (socket) =>
        during(() => join(socket, inner))
          .finally(() => inner.destroy())
          .then(() => undefined),
    };
  }

  async function counted<T>(server: Server, check: () => Promise<unknown>, work: Work<T>): Promise<T> {
    coming.set(server.id, (coming.get(server.id) ?? 0) + 1);
    try {
      await check(); // only now: who has let nothing more in since, and then finds nothing coming, is right
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
    if (a.destroyed || b.destroyed) {
      a.destroy();
      b.destroy();
      return resolve();
    }
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
