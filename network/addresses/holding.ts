/** Who had an address before, as long as the engine may have it there: rows with `released`, see the README. */
import type { Knex } from '../../common/database/database.ts';
import { wake } from '../lifecycle.ts';
import { wakeUnsettled } from '../reconciler.ts';

/**
 * Of the ports' addresses those that another port had and that the engine may still have there, as `<port> <address>`. What
 * the port's own router had does not count: a router is drawn at once, the new in place of the old. Ask after reading what is
 * to be drawn: an address of it that is not held then is off the engine elsewhere.
 */
export async function addressesStillHeld(db: Knex, portIds: readonly string[]): Promise<Set<string>> {
  const rows: { port_id: string; address: string }[] = await db('port_addresses as mine')
    .join('port_addresses as old', (on) =>
      on
        .on('old.subnet_id', 'mine.subnet_id')
        .andOn('old.address', 'mine.address')
        .andOn('old.port_id', '<>', 'mine.port_id'),
    )
    .join('ports as p', 'p.id', 'mine.port_id')
    .join('ports as before', 'before.id', 'old.port_id')
    .whereRaw('old.released')
    .whereIn('mine.port_id', [...portIds])
    .whereRaw('(p.used_by_router is null or before.used_by_router is distinct from p.used_by_router)')
    .select('mine.port_id', db.raw('host(mine.address) as address'));
  return new Set(rows.map((row) => `${row.port_id} ${row.address}`));
}

/**
 * The engine has the port as of this revision, and so no address that it had before: whoever waits for one may have it. Does
 * nothing when the port was changed since, because then what is released may be what the engine has.
 */
export async function forgetReleased(db: Knex, { id, revision }: { id: string; revision: number }): Promise<void> {
  if ((await db('port_addresses').where({ port_id: id, released: true }).first('port_id')) === undefined) return;
  await db.transaction(async (trx) => {
    const drawn = await trx('ports').where({ id, revision }).whereNull('deletion_requested_at').forUpdate().first('id');
    if (drawn === undefined) return;
    await wakeNextHolders(trx, id);
    await trx('port_addresses').where({ port_id: id, released: true }).delete();
  });
}

/** Wakes whoever has, or waits to have, an address that the port released: ports, routers, and subnets that are to go. */
export async function wakeNextHolders(trx: Knex, portId: string): Promise<void> {
  const released = await trx('port_addresses')
    .where({ port_id: portId, released: true })
    .select('subnet_id', 'address');
  for (const { subnet_id, address } of released) {
    await wake(trx, 'subnets', subnet_id);
    const next: string[] = await trx('port_addresses').where({ subnet_id, address, released: false }).pluck('port_id');
    await wakeUnsettled(trx, 'ports', trx('ports').whereIn('id', next));
    const routers = trx('ports').whereIn('id', next).whereNotNull('used_by_router').select('used_by_router');
    await wakeUnsettled(trx, 'routers', trx('routers').whereIn('id', routers));
  }
}
