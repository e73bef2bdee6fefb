/** What the host of a server does about another size of the running guest. */
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { Conflict, PermanentFailure } from '../../common/errors.ts';
import type { ServerDriver, ServerSpec } from '../drivers/driver.ts';
import { failAction, listUnfinished, recordEvent } from './actions.ts';
import { eventOf } from './event-names.ts';
import { flavorColumns } from './resize.ts';
import type { Server, ServerFlavor } from './server.ts';

interface LiveResizeDeps {
  db: Knex;
  driver: ServerDriver;
  hostName: string;
}

/**
 * Has the guest take what it is to have. One that does not run has it from its next start. False when the guest did not take
 * it: the server is as it was then, and the log of actions says why.
 */
export async function changeSize(deps: LiveResizeDeps, server: Server, spec: ServerSpec): Promise<boolean> {
  const { db, driver } = deps;
  if (server.liveResize === null) return true;
  const startedAt = new Date();
  try {
    if ((await driver.observe(server.id))?.power === 'running') await driver.changeSize(spec);
  } catch (error) {
    if (!(error instanceof Conflict || error instanceof PermanentFailure)) throw error;
    await giveBack(deps, server, spec);
    await callOff(deps, server, startedAt, error.message);
    return false;
  }
  await arrive(db, server, server.liveResize.to);
  return true;
}

/** Part of it may have come. What the guest keeps all the same goes with its next start. */
async function giveBack({ driver }: LiveResizeDeps, { liveResize }: Server, spec: ServerSpec): Promise<void> {
  const { vcpus, memoryMib } = liveResize?.from ?? spec;
  await driver.changeSize({ ...spec, vcpus, memoryMib }).catch((error: unknown) => {
    if (!(error instanceof Conflict || error instanceof PermanentFailure)) throw error;
  });
}

async function arrive(db: Knex, { id, revision }: Server, flavor: ServerFlavor): Promise<void> {
  await db('servers')
    .where({ id, revision })
    .update({ ...flavorColumns(flavor), live_resize: null, updated_at: db.fn.now() });
}

/** Unless something else is asked for by now. */
async function callOff({ db, hostName }: LiveResizeDeps, server: Server, startedAt: Date, reason: string) {
  const { id, revision, liveResize } = server;
  if (liveResize === null) return;
  await db.transaction(async (trx) => {
    const changed = await trx('servers')
      .where({ id, revision, deletion_requested_at: null })
      .update({
        ...flavorColumns(liveResize.from),
        live_resize: null,
        revision: revision + 1,
        updated_at: trx.fn.now(),
      });
    if (changed === 0) return;
    for (const action of await listUnfinished(trx, id)) {
      if (action.action !== 'liveResize') continue;
      await recordEvent(trx, action.number, eventOf(action.action), startedAt, reason, hostName);
      await failAction(trx, action.number);
    }
    await notify(trx, 'servers', id);
  });
}
