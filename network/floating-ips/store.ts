import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { tagsOf } from '../tags/store.ts';
import type { FloatingIp } from './floating-ip.ts';

export interface FloatingIpRow {
  id: string;
  project_id: string;
  description: string;
  floating_network_id: string;
  floating_port_id: string;
  floating_ip_address: string;
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  is_in_force: boolean;
  tags: string[];
  revision: number;
  created_at: Date;
  updated_at: Date;
}

export function visibleFloatingIps(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('floating_ips as f')
    .leftJoin('routers as r', 'r.id', 'f.router_id')
    .select(
      'f.*',
      db.raw('host(f.floating_address) as floating_ip_address'),
      db.raw('host(f.fixed_address) as fixed_ip_address'),
      db.raw('coalesce(r.settled_revision >= f.router_revision and r.fault is null, false) as is_in_force'),
      tagsOf(db, 'f.id'),
    );
  if (visible !== 'everyone') query.where('f.project_id', visible.projectId);
  return query;
}

export async function getFloatingIp(db: Knex, visible: Visible, id: string): Promise<FloatingIp> {
  const row = isUuid(id) ? await visibleFloatingIps(db, visible).where('f.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Floating IP', id);
  return floatingIpFromRow(row);
}

/** The floating IP as it is, and nobody changes it before the transaction ends. Lock its port before it, and routers after. */
export async function lockFloatingIp(trx: Knex, visible: Visible, id: string): Promise<FloatingIp> {
  if (!isUuid(id)) throw new NotFound('Floating IP', id);
  await trx('floating_ips').where({ id }).forUpdate().first('id');
  return getFloatingIp(trx, visible, id);
}

export function floatingIpFromRow(row: FloatingIpRow): FloatingIp {
  const association =
    row.port_id === null || row.fixed_ip_address === null || row.router_id === null
      ? null
      : {
          portId: row.port_id,
          fixedAddress: row.fixed_ip_address,
          routerId: row.router_id,
          isInForce: row.is_in_force,
        };
  return {
    id: row.id,
    projectId: row.project_id,
    description: row.description,
    networkId: row.floating_network_id,
    holderPortId: row.floating_port_id,
    address: row.floating_ip_address,
    association,
    tags: row.tags,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
