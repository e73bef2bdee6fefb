import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { LifecycleRow } from '../lifecycle.ts';
import { tagsOf } from '../tags/store.ts';
import type { Network } from './network.ts';

export interface NetworkRow extends LifecycleRow {
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  shared: boolean;
  external: boolean;
  is_default: boolean;
  port_security_enabled: boolean;
  mtu: number;
  network_type: 'geneve' | 'flat';
  physical_network: string | null;
  subnet_ids: string[];
  tags: string[];
}

/** The networks that the caller may see: its own, the shared and the external ones. A row is all that a view needs. */
export function visibleNetworks(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('networks as n')
    .select(
      'n.*',
      db.raw(`array(select s.id::text from subnets s where s.network_id = n.id and s.deletion_requested_at is null
        order by s.created_at, s.id) as subnet_ids`),
      tagsOf(db, 'n.id'),
    )
    .whereNull('n.deletion_requested_at');
  if (visible !== 'everyone')
    query.where((own) =>
      own.where('n.project_id', visible.projectId).orWhere('n.shared', true).orWhere('n.external', true),
    );
  return query;
}

/** Throws `NetworkNotFound`, also for what the caller may not see. */
export async function getNetwork(db: Knex, visible: Visible, id: string): Promise<Network> {
  const row = isUuid(id) ? await visibleNetworks(db, visible).where('n.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Network', id);
  return networkFromRow(row);
}

/** Keeps the network from being deleted or changed before the transaction ends: what is put on it stays right. */
export async function lockNetwork(trx: Knex, visible: Visible, id: string): Promise<Network> {
  const row = isUuid(id) ? await visibleNetworks(trx, visible).where('n.id', id).forKeyShare('n').first() : undefined;
  if (row === undefined) throw new NotFound('Network', id);
  return networkFromRow(row);
}

export function networkFromRow(row: NetworkRow): Network {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    adminStateUp: row.admin_state_up,
    shared: row.shared,
    external: row.external,
    isDefault: row.is_default,
    portSecurityEnabled: row.port_security_enabled,
    mtu: row.mtu,
    networkType: row.network_type,
    physicalNetwork: row.physical_network,
    subnetIds: row.subnet_ids,
    tags: row.tags,
    revision: row.revision,
    settledRevision: row.settled_revision,
    fault: row.fault,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
