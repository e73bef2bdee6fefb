/**
 * What is asked of QEMU's agent inside a guest. What answers there is the guest's: it may lie, and it may say nothing, which
 * is waited for a few seconds and no longer.
 */
import { access, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Conflict, NotFound, PermanentFailure } from '../../../common/errors.ts';
import type { ObservedGuest, ServerSpec } from '../driver.ts';
import type { Session } from './connection.ts';
import type { Domains } from './domains.ts';
import { errorCode, hasCode, LibvirtError } from './errors.ts';
import { GuestDirectory } from './guest-directory.ts';
import { libvirt, type Pointer } from './library.ts';

const answerSeconds = 10;
/** Beyond that, for libvirt to find out that nothing answers. */
const callSeconds = answerSeconds + 10;
/** Agents that say nothing keep only so many others waiting. */
const thawedAtOnce = 4;

/** Notes of guests that are being frozen on purpose just now. */
const held = new Set<string>();

/** @throws Conflict, in words that complete «because …»; NotFound */
export async function setPassword(domains: Domains, id: string, user: string, password: string): Promise<void> {
  const isThere = await ask(domains, id, (domain) => libvirt().setUserPassword(domain, user, password));
  if (!isThere) throw new NotFound('Server', id);
}

/**
 * Does something while the guest holds its file systems still, if its agent can be had. That the guest is frozen is written down
 * before: whoever comes after us, should we die meanwhile, finds it. @throws PermanentFailure when it must be frozen and cannot.
 */
export async function whileFrozen<T>(
  domains: Domains,
  directory: GuestDirectory,
  { id, guestAgent }: Pick<ServerSpec, 'id' | 'guestAgent'>,
  work: () => Promise<T>,
): Promise<T> {
  await thawLeftFrozen(domains, directory, id);
  const isRunning = (await domains.observe(id))?.power === 'running'; // in one that is paused nothing is written anyway
  if (guestAgent === undefined || !isRunning) return work();
  const path = frozenPath(directory);
  held.add(path);
  try {
    const note = await open(path, 'w', 0o600);
    await note.close();
    await ask(domains, id, (domain) => libvirt().freeze(domain)).catch((error: unknown) => {
      if (!guestAgent.mustQuiesce || !(error instanceof Conflict)) return;
      throw new PermanentFailure(
        `The image of the server requires that its file systems are frozen for this (os_require_quiesce), which cannot be done: ${error.message}.`,
        { cause: error },
      );
    });
    return await work();
  } finally {
    held.delete(path);
    await thawLeftFrozen(domains, directory, id);
  }
}

/** Does that for all of these that were left frozen, and are not held on purpose. @returns what kept any from it */
export async function thawAllLeftFrozen(
  domains: Domains,
  guestsDirectory: string,
  guests: readonly ObservedGuest[],
): Promise<unknown[]> {
  const problems: unknown[] = [];
  const left = guests.values();
  const thaw = async () => {
    for (const { id } of left) {
      const directory = new GuestDirectory(guestsDirectory, id);
      if (held.has(frozenPath(directory))) continue;
      await thawLeftFrozen(domains, directory, id).catch((error: unknown) => problems.push(error));
    }
  };
  await Promise.all(Array.from({ length: thawedAtOnce }, thaw));
  return problems;
}

/**
 * Lets a guest write again that was frozen, by us or by a predecessor that died. An agent that is still busy with freezing answers
 * nothing, and is asked again later: the note stays until it has answered, or until the guest has no memory left to be frozen in.
 */
export async function thawLeftFrozen(domains: Domains, directory: GuestDirectory, id: string): Promise<void> {
  const path = frozenPath(directory);
  const isNoted = await access(path).then(
    () => true,
    () => false,
  );
  if (!isNoted) return;
  const power = (await domains.observe(id))?.power;
  if (power === 'suspended') return; // frozen as it is kept
  const hasMemory = power === 'running' || power === 'paused';
  if (!hasMemory || (await thaw(domains, id))) await rm(path, { force: true });
}

/** Whether the agent has done so. */
async function thaw(domains: Domains, id: string): Promise<boolean> {
  try {
    await ask(domains, id, (domain) => libvirt().thaw(domain));
    return true;
  } catch (error) {
    if (error instanceof Conflict) return false;
    throw error;
  }
}

function frozenPath(directory: GuestDirectory): string {
  return join(directory.path, 'frozen');
}

/** False when there is no such guest. */
async function ask(domains: Domains, id: string, request: (domain: Pointer) => Promise<unknown>): Promise<boolean> {
  const work = async ({ check }: Session, domain: Pointer) => {
    await check(libvirt().setAgentTimeout(domain, answerSeconds));
    try {
      await check(request(domain));
    } catch (error) {
      throw renamed(error);
    }
    return true;
  };
  return (await domains.on(id, `ask the agent of server ${id}`, work, callSeconds)) ?? false;
}

/** What the agent said is in the cause: it is not ours to repeat. */
function renamed(error: unknown): unknown {
  const isSilent = hasCode(error, errorCode.agentUnresponsive, errorCode.operationInvalid);
  if (isSilent) return new Conflict('its guest agent does not answer', { cause: error });
  return error instanceof LibvirtError ? new Conflict('its guest agent refused', { cause: error }) : error;
}
