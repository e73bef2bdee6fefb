import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { LifecycleRow } from '../lifecycle.ts';
import type { FixedIp } from '../ports/port.ts';
import type { HostRoute } from '../subnets/subnet.ts';
import { tagsOf } from '../tags/store.ts';
import type { Router } from './router.ts';

export interface RouterRow extends LifecycleRow {
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  external_network_id: string | null;
  gateway_port_id: string | null;
  enable_snat: boolean;
  routes: HostRoute[];
  gateway_ips: FixedIp[];
  tags: string[];
}

export function visibleRouters(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = db('routers as r')
    .select(
      'r.*',
      db.raw(`(select coalesce(json_agg(json_build_object('subnetId', a.subnet_id, 'address', host(a.address))
          order by a.address), '[]')
        from port_addresses a where a.port_id = r.gateway_port_id and not a.released) as gateway_ips`),
      tagsOf(db, 'r.id'),
    )
    .whereNull('r.deletion_requested_at');
  if (visible !== 'everyone') query.where('r.project_id', visible.projectId);
  return query;
}

export async function getRouter(db: Knex, visible: Visible, id: string): Promise<Router> {
  const row = isUuid(id) ? await visibleRouters(db, visible).where('r.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Router', id);
  return routerFromRow(row);
}

/** The router as it is, and nobody changes it, its legs or its floating IPs before the transaction ends. */
export async function lockRouter(trx: Knex, visible: Visible, id: string): Promise<Router> {
  if (!isUuid(id)) throw new NotFound('Router', id);
  await trx('routers').where({ id }).forUpdate().first('id');
  return getRouter(trx, visible, id);
}

export function routerFromRow(row: RouterRow): Router {
  const gateway =
    row.external_network_id === null || row.gateway_port_id === null
      ? null
      : {
          networkId: row.external_network_id,
          portId: row.gateway_port_id,
          enableSnat: row.enable_snat,
          fixedIps: row.gateway_ips,
        };
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    adminStateUp: row.admin_state_up,
    gateway,
    routes: row.routes,
    tags: row.tags,
    revision: row.revision,
    settledRevision: row.settled_revision,
    fault: row.fault,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
