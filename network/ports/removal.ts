import type { Knex } from '../../common/database/database.ts';
import { releaseAddresses } from '../addresses/allocate.ts';
import { wakeNextHolders } from '../addresses/holding.ts';
import { disassociatePort } from '../floating-ips/association.ts';
import { requestDeletion, wake } from '../lifecycle.ts';

/**
 * Takes the port out of the cloud: from this transaction on the API does not know it, its addresses, groups and floating IPs
 * are free, and the reconciler takes it off the engine.
 */
export async function removePort(trx: Knex, id: string): Promise<void> {
  await disassociatePort(trx, id);
  await releaseAddresses(trx, id);
  await trx('port_security_groups').where({ port_id: id }).delete();
  await trx('network_tags').where({ resource_id: id }).delete();
  await requestDeletion(trx, 'ports', id);
}

/** Wakes those that wait for the port's end, in the transaction that deletes its row. */
export async function portGone(trx: Knex, { id, network_id: networkId }: { id: string; network_id: string }) {
  await wake(trx, 'networks', networkId);
  await wakeNextHolders(trx, id);
}
