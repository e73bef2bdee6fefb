/** What is asked of a guest itself, once: a new password, a dump of its memory. Its refusal is no fault of the server. */
import type { ProjectContext } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { Conflict, NotFound, PermanentFailure } from '../../common/errors.ts';
import type { ServerDriver } from '../drivers/driver.ts';
import { failAction, finishAction, outcomeOf, recordEvent, type ServerAction } from './actions.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { eventOf } from './event-names.ts';
import { adminUserOf, hasGuestAgent } from './image-properties.ts';
import type { Server } from './server.ts';
import { requirements } from './states.ts';
import { getBootData } from './store.ts';

/**
 * Waits until the guest's agent has set it, or refused to, as Nova does; where the host takes its time it comes later. Throws
 * `Conflict` in Nova's words.
 */
export async function changePassword(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  password: string,
): Promise<void> {
  const server = await ask(db, ctx, id, {
    action: 'changePassword',
    api: 'changePassword',
    requirement: requirements['change password'],
    parameters: { password },
    async change(trx, { id }) {
      const { imageProperties } = await getBootData(trx, id);
      if (!hasGuestAgent(imageProperties)) throw new Conflict('QEMU guest agent is not enabled');
      return {};
    },
  });
  const failure = await outcomeOf(db, server.id, ctx.requestId);
  if (failure) throw new Conflict(`Failed to set admin password on ${server.id} because ${failure}`);
}

/** Interrupts the guest so that its kernel dumps what it knows, if it is made so. Throws `Conflict`. */
export async function triggerCrashDump({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  const requirement = requirements['trigger crash dump'];
  await ask(db, ctx, id, { action: 'trigger_crash_dump', api: 'trigger_crash_dump', requirement });
}

interface RequestDeps {
  db: Knex;
  driver: ServerDriver;
  hostName: string;
}

/** Asks the guest what is to be asked of it, of what is not done yet, on its host; after a crash perhaps once more. */
export async function askGuest(deps: RequestDeps, server: Server, actions: readonly ServerAction[]): Promise<void> {
  const { db, hostName } = deps;
  for (const action of actions) {
    if (action.revision > server.revision || !isForGuest(action)) continue;
    const startedAt = new Date();
    const refusal = await askOne(deps, server, action);
    await db.transaction(async (trx) => {
      await recordEvent(trx, action.number, eventOf(action.action), startedAt, refusal ?? null, hostName);
      if (refusal === undefined) await finishAction(trx, action.number);
      else await failAction(trx, action.number, refusal);
    });
  }
}

function isForGuest({ action }: ServerAction): boolean {
  return action === 'changePassword' || action === 'trigger_crash_dump';
}

/** Undefined when it was done; what may pass is thrown, to be tried again. */
async function askOne(
  { db, driver }: RequestDeps,
  { id }: Server,
  { action, parameters }: ServerAction,
): Promise<string | undefined> {
  try {
    if (action === 'trigger_crash_dump') await driver.injectNmi(id);
    else {
      const { imageProperties } = await getBootData(db, id);
      await driver.setPassword(id, adminUserOf(imageProperties), parameters.password ?? '');
    }
    return undefined;
  } catch (error) {
    const isAnswer = error instanceof Conflict || error instanceof PermanentFailure || error instanceof NotFound;
    if (isAnswer) return error.message;
    throw error;
  }
}
