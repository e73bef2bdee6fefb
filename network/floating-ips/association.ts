import type { Knex } from '../../common/database/database.ts';
import { change } from '../lifecycle.ts';

/**
 * Ends the floating IPs' association with a port, or only of those on addresses that the port has no more. The routers that
 * translated them have changed.
 */
export async function disassociatePort(trx: Knex, portId: string, keep: readonly string[] = []): Promise<void> {
  const query = trx('floating_ips').where({ port_id: portId }).forUpdate();
  const rows = await query.select('id', 'router_id', trx.raw('host(fixed_address) as fixed_address'));
  for (const row of rows) if (!keep.includes(row.fixed_address)) await disassociate(trx, row.id, row.router_id);
}

export async function disassociate(trx: Knex, id: string, routerId: string | null): Promise<void> {
  await trx('floating_ips')
    .where({ id })
    .update({
      port_id: null,
      fixed_address: null,
      router_id: null,
      router_revision: null,
      revision: trx.raw('revision + 1'),
      updated_at: trx.fn.now(),
    });
  if (routerId !== null) await change(trx, 'routers', routerId);
}
