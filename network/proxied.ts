/**
 * What Compute shows of networks to clients that ask it still. As in `ports.ts`: `db` first, scope checked, policy the caller's.
 * What such clients change goes through the operations of this service.
 */
import type { Visible } from '../common/context.ts';
import type { Knex } from '../common/database/database.ts';
import { NotFound } from '../common/errors.ts';
import { isUuid } from '../common/ids.ts';
import type { FloatingIp } from './floating-ips/floating-ip.ts';
import { type FloatingIpRow, floatingIpFromRow, lockFloatingIp, visibleFloatingIps } from './floating-ips/store.ts';
import type { Network } from './networks/network.ts';
import { getNetwork, type NetworkRow, networkFromRow, visibleNetworks } from './networks/store.ts';
import { ensureDefaultGroup } from './security-groups/default-group.ts';
import type { SecurityGroup } from './security-groups/security-group.ts';
import { getSecurityGroup, groupFromRow, type SecurityGroupRow, visibleGroups } from './security-groups/store.ts';

export { getNetwork, getSecurityGroup, lockFloatingIp };

/** Some of them, by project and name. The default group of `projectId` is among all of them from the first look on. */
export async function listSecurityGroups(
  db: Knex,
  visible: Visible,
  { projectId, limit, offset }: { projectId: string; limit: number; offset: number },
): Promise<SecurityGroup[]> {
  await ensureDefaultGroup(db, projectId);
  const sorted = visibleGroups(db, visible).orderBy(['g.project_id', 'g.name', 'g.id']);
  const rows: SecurityGroupRow[] = await sorted.limit(limit).offset(offset);
  return rows.map(groupFromRow);
}

/** What rules tell of the groups that they are about; those that the caller may not see are absent. */
export async function namesOfGroups(
  db: Knex,
  visible: Visible,
  ids: readonly string[],
): Promise<Map<string, { name: string; projectId: string }>> {
  if (ids.length === 0) return new Map();
  const query = db('security_groups')
    .whereIn('id', [...ids])
    .whereNull('deletion_requested_at');
  if (visible !== 'everyone') query.where({ project_id: visible.projectId });
  const rows = await query.select('id', 'name', 'project_id');
  return new Map(rows.map((row) => [row.id, { name: row.name, projectId: row.project_id }]));
}

export async function listNetworks(db: Knex, visible: Visible): Promise<Network[]> {
  const rows: NetworkRow[] = await visibleNetworks(db, visible).orderBy(['n.created_at', 'n.id']);
  return rows.map(networkFromRow);
}

/** The networks that floating IPs come from. */
export async function listPools(db: Knex, visible: Visible): Promise<Network[]> {
  const rows: NetworkRow[] = await visibleNetworks(db, visible).where('n.external', true).orderBy('n.created_at');
  return rows.map(networkFromRow);
}

/** A floating IP, the name of the network it comes from, and the guest that its port is plugged into. */
export interface ProxiedFloatingIp extends FloatingIp {
  pool: string;
  guestId: string | null;
}

/** In the order in which they were made. */
export async function listProxiedFloatingIps(db: Knex, visible: Visible): Promise<ProxiedFloatingIp[]> {
  const rows: ProxiedRow[] = await proxiedFloatingIps(db, visible).orderBy(['f.created_at', 'f.id']);
  return rows.map(proxiedFromRow);
}

/** Throws `NotFound`. */
export async function getProxiedFloatingIp(db: Knex, visible: Visible, id: string): Promise<ProxiedFloatingIp> {
  const row = isUuid(id) ? await proxiedFloatingIps(db, visible).where('f.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Floating IP', id);
  return proxiedFromRow(row);
}

/** All that have the address: it can be one of several external networks. */
export async function floatingIpsWithAddress(
  db: Knex,
  visible: Visible,
  address: string,
): Promise<ProxiedFloatingIp[]> {
  const rows: ProxiedRow[] = await proxiedFloatingIps(db, visible).whereRaw('f.floating_address = ?::inet', [address]);
  return rows.map(proxiedFromRow);
}

type ProxiedRow = FloatingIpRow & { pool: string; guest_id: string | null };

function proxiedFloatingIps(db: Knex, visible: Visible): Knex.QueryBuilder {
  return visibleFloatingIps(db, visible)
    .join('networks as n', 'n.id', 'f.floating_network_id')
    .leftJoin('ports as p', 'p.id', 'f.port_id')
    .select(db.raw("coalesce(nullif(n.name, ''), n.id::text) as pool"), 'p.attached_to as guest_id');
}

function proxiedFromRow(row: ProxiedRow): ProxiedFloatingIp {
  return { ...floatingIpFromRow(row), pool: row.pool, guestId: row.guest_id };
}
