import type { Knex } from '../../common/database/database.ts';
import type { Demand } from '../scheduler/demand.ts';
import { lockGroupOfServer } from '../server-groups/membership.ts';
import { lastingHosts } from './hints.ts';
import { hostsToClear } from './moves/store.ts';
import { getBootData } from './store.ts';

/**
 * What a server asks of every host that it comes to, because it did when it was made or rebuilt: what its image needs, where its
 * hints and its server group let it be. The group stays locked. And no host where something of it is left.
 */
export async function lastingDemand(
  trx: Knex,
  serverId: string,
): Promise<Pick<Demand, 'group' | 'imageProperties' | 'sameHostIds' | 'differentHostIds' | 'uncleared'>> {
  const group = await lockGroupOfServer(trx, serverId);
  const { imageProperties, hints } = await getBootData(trx, serverId);
  const uncleared = await hostsToClear(trx, serverId);
  return { imageProperties, uncleared, ...(await lastingHosts(trx, hints)), ...(group && { group }) };
}
