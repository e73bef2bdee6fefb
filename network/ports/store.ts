import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { LifecycleRow } from '../lifecycle.ts';
import { tagsOf } from '../tags/store.ts';
import type { AddressPair, FixedIp, Port } from './port.ts';

export interface PortRow extends LifecycleRow {
  project_id: string;
  network_id: string;
  name: string;
  description: string;
  mac_address: string;
  admin_state_up: boolean;
  port_security_enabled: boolean;
  device_id: string;
  device_owner: string;
  attached_to: string | null;
  made_for_device: boolean;
  device_tag: string | null;
  host_name: string | null;
  vnic_type: string;
  binding_profile: Record<string, unknown>;
  allowed_address_pairs: AddressPair[];
  observed_up: boolean | null;
  used_by_router: string | null;
  fixed_ips: FixedIp[];
  security_group_ids: string[];
  tags: string[];
}

/** Whole ports, those being deleted included (the reconciler's view). */
export function allPorts(db: Knex): Knex.QueryBuilder {
  return db('ports as p').select(
    'p.*',
    db.raw(`(select coalesce(json_agg(json_build_object('subnetId', a.subnet_id, 'address', host(a.address))
        order by a.address), '[]') from port_addresses a where a.port_id = p.id and not a.released) as fixed_ips`),
    db.raw(`array(select x.security_group_id::text from port_security_groups x where x.port_id = p.id
        order by x.security_group_id) as security_group_ids`),
    tagsOf(db, 'p.id'),
  );
}

/** The ports of the caller's project. */
export function visiblePorts(db: Knex, visible: Visible): Knex.QueryBuilder {
  const query = allPorts(db).whereNull('p.deletion_requested_at');
  if (visible !== 'everyone') query.where('p.project_id', visible.projectId);
  return query;
}

export async function getPort(db: Knex, visible: Visible, id: string): Promise<Port> {
  const row = isUuid(id) ? await visiblePorts(db, visible).where('p.id', id).first() : undefined;
  if (row === undefined) throw new NotFound('Port', id);
  return portFromRow(row);
}

/** The port as it is, and nobody changes it before the transaction ends. */
export async function lockPort(trx: Knex, visible: Visible, id: string): Promise<Port> {
  if (!isUuid(id)) throw new NotFound('Port', id);
  await trx('ports').where({ id }).forUpdate().first('id');
  return getPort(trx, visible, id);
}

export function portFromRow(row: PortRow): Port {
  return {
    id: row.id,
    projectId: row.project_id,
    networkId: row.network_id,
    name: row.name,
    description: row.description,
    macAddress: row.mac_address,
    adminStateUp: row.admin_state_up,
    portSecurityEnabled: row.port_security_enabled,
    deviceId: row.device_id,
    deviceOwner: row.device_owner,
    attachedTo: row.attached_to,
    madeForDevice: row.made_for_device,
    hostName: row.host_name,
    vnicType: row.vnic_type,
    bindingProfile: row.binding_profile,
    allowedAddressPairs: row.allowed_address_pairs,
    observedUp: row.observed_up,
    usedByRouter: row.used_by_router,
    fixedIps: row.fixed_ips,
    securityGroupIds: row.security_group_ids,
    tags: row.tags,
    revision: row.revision,
    settledRevision: row.settled_revision,
    fault: row.fault,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
