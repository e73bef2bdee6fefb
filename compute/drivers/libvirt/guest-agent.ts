/**
 * What is asked of QEMU's agent inside a guest. What answers there is the guest's: it may lie, and it may say nothing, which
 * is waited for a few seconds and no longer.
 */
import { access, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Conflict, NotFound, PermanentFailure } from '../../../common/errors.ts';
import type { ServerSpec } from '../driver.ts';
import type { Session } from './connection.ts';
import type { Domains } from './domains.ts';
import { errorCode, hasCode, LibvirtError } from './errors.ts';
import type { GuestDirectory } from './guest-directory.ts';
import { libvirt, type Pointer } from './library.ts';

const answerSeconds = 10;
/** Beyond that, for libvirt to find out that nothing answers. */
const callSeconds = answerSeconds + 10;

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
  const note = await open(frozenPath(directory), 'w', 0o600);
  await note.close();
  try {
    await ask(domains, id, (domain) => libvirt().freeze(domain)).catch((error: unknown) => {
      if (!guestAgent.mustQuiesce || !(error instanceof Conflict)) return;
      throw new PermanentFailure(
        `The image of the server requires that its file systems are frozen for this (os_require_quiesce), which cannot be done: ${error.message}.`,
        { cause: error },
      );
    });
    return await work();
  } finally {
    await thawLeftFrozen(domains, directory, id);
  }
}

/** Lets a guest write again that was frozen, by us or by a predecessor that died; one that is not frozen is left alone. */
export async function thawLeftFrozen(domains: Domains, directory: GuestDirectory, id: string): Promise<void> {
  const path = frozenPath(directory);
  const isNoted = await access(path).then(
    () => true,
    () => false,
  );
  if (!isNoted) return;
  await ask(domains, id, (domain) => libvirt().thaw(domain)).catch((error: unknown) => {
    if (!(error instanceof Conflict)) throw error; // an agent that is silent now has not frozen anything, or is past helping
  });
  await rm(path, { force: true });
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
