/** The domains of our servers: looking at them, and the steps that change their power. Each call is one piece of work. */
import { CloudError, NotFound } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { ObservedGuest, PowerState } from '../driver.ts';
import type { DomainEvent, LibvirtConnection, Session } from './connection.ts';
import { errorCode, explain, hasCode } from './errors.ts';
import { domainState, libvirt, type Pointer, shutoffReason, undefineEverything } from './library.ts';
import { isOurs } from './names.ts';

const askAgainMs = 10_000;

const startSeconds = 120;
/** All of its memory goes to disk. */
const suspendSeconds = 600;

export class Domains {
  readonly #connection: LibvirtConnection;

  constructor(connection: LibvirtConnection) {
    this.#connection = connection;
  }

  /** Of one whose memory was thrown away it says `suspended` until it has run again; `observe` knows better. */
  async list(): Promise<ObservedGuest[]> {
    const domains = await this.withoutDomain('list its servers', ({ check, connection }) =>
      check(libvirt().listStates(connection)),
    );
    return domains
      .filter(({ name, uuid }) => isOurs(name, uuid))
      .map(({ uuid, state, reason }) => guestOf(uuid, state, reason));
  }

  async listForeign(): Promise<string[]> {
    const domains = await this.withoutDomain('list its servers', ({ check, connection }) =>
      check(libvirt().listStates(connection)),
    );
    return domains.filter(({ name, uuid }) => !isOurs(name, uuid)).map(({ name }) => name);
  }

  async observe(id: string): Promise<ObservedGuest | undefined> {
    return this.on(id, `look at server ${id}`, async ({ check }, domain) => {
      const { state, reason } = await check(libvirt().domainState(domain));
      if (state !== domainState.shutoff) {
        // PERSIST_DEST defines what comes from another host when all of it is here, just before it runs.
        const isComingIn = (await check(libvirt().isPersistent(domain))) === 0;
        return { ...guestOf(id, state, reason), ...(isComingIn && { isComingIn }) };
      }
      // Why a domain is shut off is forgotten when libvirtd is started anew, and stays when the memory is thrown away.
      if ((await check(libvirt().hasManagedSave(domain))) === 1) return { id, power: 'suspended' as const };
      return guestOf(id, state, reason === shutoffReason.saved ? shutoffReason.unknown : reason);
    });
  }

  /** Defines it anew, or differently from its next start on. */
  async define(id: string, xml: string): Promise<void> {
    await explained(`define server ${id}`, id, () =>
      this.#connection.run(`define server ${id}`, async ({ check, connection }) => {
        libvirt().freeDomain(await check(libvirt().defineDomain(connection, xml)));
      }),
    );
  }

  /** Starts or resumes it. @throws NotFound */
  async start(id: string): Promise<void> {
    const found = await this.on(
      id,
      `start server ${id}`,
      async ({ check }, domain) => {
        const look = async () => {
          const { state, reason } = await check(libvirt().domainState(domain));
          return powerOf(state, reason);
        };
        const power = await look();
        if (power === 'running') return true;
        try {
          await check(power === 'paused' ? libvirt().resume(domain) : libvirt().start(domain));
        } catch (error) {
          // Refused because it runs by now: an operator started it, or we did before we were killed and libvirt went on.
          if (!hasCode(error, errorCode.operationInvalid) || (await look()) !== 'running') throw error;
        }
        return true;
      },
      startSeconds,
    );
    if (found === undefined) throw new NotFound('Server', id);
  }

  /** Pauses it, started for that if it is shut down. @throws NotFound */
  async pause(id: string): Promise<void> {
    const found = await this.on(
      id,
      `pause server ${id}`,
      async ({ check }, domain) => {
        const { state, reason } = await check(libvirt().domainState(domain));
        const power = powerOf(state, reason);
        if (power === 'running') await check(libvirt().pause(domain));
        else if (power !== 'paused') await check(libvirt().startPaused(domain));
        return true;
      },
      startSeconds,
    );
    if (found === undefined) throw new NotFound('Server', id);
  }

  /** Keeps its memory on disk and ends it. One that is shut down has none. @throws NotFound */
  async suspend(id: string): Promise<void> {
    const found = await this.on(
      id,
      `suspend server ${id}`,
      async ({ check }, domain) => {
        await tolerating(check(libvirt().managedSave(domain)), errorCode.operationInvalid);
        return true;
      },
      suspendSeconds,
    );
    if (found === undefined) throw new NotFound('Server', id);
  }

  /** Throws kept memory away, too. Absent or shut down is a success. */
  async cutPower(id: string): Promise<void> {
    await this.on(id, `stop server ${id}`, async ({ check }, domain) => {
      await tolerating(check(libvirt().destroy(domain)), errorCode.operationInvalid);
      if ((await check(libvirt().hasManagedSave(domain))) === 1) await check(libvirt().removeManagedSave(domain));
    });
  }

  async reset(id: string): Promise<void> {
    await this.on(id, `reset server ${id}`, async ({ check }, domain) => {
      await tolerating(check(libvirt().reset(domain, 0)), errorCode.operationInvalid);
    });
  }

  /** Cuts its power and makes libvirt forget it. Absent is a success. */
  async remove(id: string): Promise<void> {
    await this.on(id, `remove server ${id}`, async ({ check }, domain) => {
      await tolerating(check(libvirt().destroy(domain)), errorCode.operationInvalid, errorCode.noDomain);
      await check(libvirt().undefine(domain, undefineEverything));
    });
  }

  /**
   * Asks the guest for something, again every ten seconds, and waits until an event shows that it has done it: false when it
   * has not within the time. A guest that is still booting loses what it is asked, so nova asks again too
   * (`shutdown_retry_interval`). Nothing is locked meanwhile, so it can be removed or cut off while it thinks.
   */
  async ask(
    id: string,
    seconds: number,
    hasDone: (event: DomainEvent) => Promise<boolean>,
    request: (domain: Pointer) => Promise<unknown>,
  ): Promise<boolean> {
    await this.#connection.listening();
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), seconds * 1000);
    const stop = this.#connection.listen((event) => {
      if (event.kind !== 'resync' && event.id !== id) return;
      hasDone(event).then((done) => {
        if (done) resolve(true);
      }, reject);
    });
    promise.catch(() => {}); // it may fail before it is awaited
    const askOnce = () =>
      this.on(id, `ask server ${id}`, async ({ check }, domain) => {
        // It stopped just now, or cannot listen (it is paused): the deadline or the next look will tell.
        await tolerating(check(request(domain)), errorCode.operationInvalid);
      });
    const again = setInterval(() => void askOnce().catch(reject), askAgainMs);
    try {
      await askOnce();
      return await promise;
    } finally {
      clearTimeout(timer);
      clearInterval(again);
      stop();
    }
  }

  /** Work on the domain of a server; undefined when there is none. */
  on<T>(
    id: string,
    doing: string,
    work: (session: Session, domain: Pointer) => Promise<T>,
    seconds?: number,
  ): Promise<T | undefined> {
    if (!isUuid(id)) return Promise.resolve(undefined);
    const run = async (session: Session) => {
      const domain = await tolerating(session.check(libvirt().findDomain(session.connection, id)), errorCode.noDomain);
      if (domain === undefined) return undefined;
      try {
        if (!isOurs(libvirt().domainName(domain), id)) return undefined;
        return await tolerating(work(session, domain), errorCode.noDomain); // it was removed under our hands
      } finally {
        libvirt().freeDomain(domain);
      }
    };
    return explained(doing, id, () => this.#connection.run(doing, run, seconds));
  }

  /** Work on the host as a whole. */
  withoutDomain<T>(doing: string, work: (session: Session) => Promise<T>): Promise<T> {
    return explained(doing, undefined, () => this.#connection.run(doing, work));
  }
}

/** Renames what libvirt's work failed with. */
export async function explained<T>(doing: string, id: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof CloudError ? error : explain(error, doing, id);
  }
}

export function isActive(guest: ObservedGuest | undefined): boolean {
  return guest?.power === 'running' || guest?.power === 'paused';
}

function guestOf(id: string, state: number, reason: number): ObservedGuest {
  const stoppedItself = state === domainState.shutoff && reason === shutoffReason.shutdown;
  return { id, power: powerOf(state, reason), ...(stoppedItself && { stoppedItself }) };
}

function powerOf(state: number, reason: number): PowerState {
  if (state === domainState.crashed || (state === domainState.shutoff && reason === shutoffReason.crashed)) {
    return 'crashed';
  }
  if (state === domainState.shutoff) return reason === shutoffReason.saved ? 'suspended' : 'shutdown';
  return state === domainState.paused || state === domainState.pmSuspended ? 'paused' : 'running';
}

async function tolerating<T>(work: Promise<T>, ...codes: number[]): Promise<T | undefined> {
  return work.catch((error) => {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  });
}
