import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Pool } from '../addresses/ip.ts';
import type { LifecycleRow } from '../lifecycle.ts';
import { tagsOf } from '../tags/store.ts';
import type { HostRoute, Subnet } from './subnet.ts';

export interface SubnetRow extends LifecycleRow {
  project_id: string;
  network_id: string;
  name: string;
  description: string;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: string[];
  host_routes: HostRoute[];
  allocation_pools: Pool[];
  tags: string[];
}

/**
 * The caller's own subnets and those of shared networks. Those of external networks show too, without which nobody could
 * tell where a floating IP lies; Neutron hides them from tenants, and the client's `--subnet` of a floating IP fails there.
 */
export function visibleSubnets(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('subnets as s')
    .join('networks as n', 'n.id', 's.network_id')
    .select('s.*', tagsOf(db, 's.id'))
    .whereNull('s.deletion_requested_at');
  if (visible !== 'everyone')
    query.where((own) =>
      own
        .where('s.project_id', visible.projectId)
        .orWhere('n.project_id', visible.projectId)
        .orWhere('n.shared', true)
        .orWhere('n.external', true),
    );
  return query;
}

export async function getSubnet(db: Knex, visible: Visible, id: string): Promise<Subnet> {
  const row = isUuid(id) ? await visibleSubnets(db, visible).where('s.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Subnet', id);
  return subnetFromRow(row);
}

/** Those of a network that are not being deleted, oldest first. */
export async function subnetsOf(db: Knex, networkId: string): Promise<Subnet[]> {
  const rows = await visibleSubnets(db, 'everyone').where('s.network_id', networkId).orderBy(['s.created_at', 's.id']);
  return rows.map(subnetFromRow);
}

export function subnetFromRow(row: SubnetRow): Subnet {
  return {
    id: row.id,
    projectId: row.project_id,
    networkId: row.network_id,
    name: row.name,
    description: row.description,
    cidr: row.cidr,
    gatewayIp: row.gateway_ip,
    enableDhcp: row.enable_dhcp,
    dnsNameservers: row.dns_nameservers,
    hostRoutes: row.host_routes,
    allocationPools: row.allocation_pools,
    tags: row.tags,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
