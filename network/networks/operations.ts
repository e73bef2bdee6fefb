import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import {
  DefaultExternalNetworkExists,
  ExternalNetworkInUse,
  InvalidInput,
  InvalidSharedSetting,
  NetworkInUse,
} from '../errors.ts';
import { change, requestDeletion, wake } from '../lifecycle.ts';
import { networkPolicy as policy } from '../policy.ts';
import { checkQuota } from '../quotas/operations.ts';
import { ensureDefaultGroup } from '../security-groups/default-group.ts';
import type { Network } from './network.ts';
import { getNetwork } from './store.ts';

export interface NetworkAttributes {
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  shared?: boolean;
  'router:external'?: boolean;
  is_default?: boolean;
  port_security_enabled?: boolean;
  /** Bytes; as text too, as Neutron takes it. */
  mtu?: number | string;
}

export interface NewNetwork extends NetworkAttributes {
  project_id?: string;
  tenant_id?: string;
  'provider:network_type'?: string;
  'provider:physical_network'?: string;
  'provider:segmentation_id'?: number;
}

/** Creates all of them or none. */
export async function createNetworks(deps: NetworkDeps, ctx: ProjectContext, asked: NewNetwork[]): Promise<Network[]> {
  return await deps.db.transaction(async (trx) => {
    const networks: Network[] = [];
    for (const one of asked) networks.push(await createNetwork(trx, deps, ctx, one));
    return networks;
  });
}

async function createNetwork(trx: Knex, deps: NetworkDeps, ctx: ProjectContext, asked: NewNetwork): Promise<Network> {
  const { enforcer } = deps;
  const projectId = ownerOf(ctx, asked);
  if (asked.shared) enforcer.authorize(ctx, policy['create_network:shared']);
  if (asked['router:external']) enforcer.authorize(ctx, policy['create_network:router:external']);
  if (asked.is_default) enforcer.authorize(ctx, policy['create_network:is_default']);
  if (asked.is_default && !asked['router:external']) throw notExternal();
  if (asked.port_security_enabled !== undefined)
    enforcer.authorize(ctx, policy['create_network:port_security_enabled'], { project_id: projectId });
  if (asked.mtu !== undefined) enforcer.authorize(ctx, policy['create_network:mtu']);
  const provider = providerOf(deps, ctx, asked);
  if (asked['router:external'] && provider.physical_network === null) throw noWayOut();
  await checkQuota(trx, projectId, 'network');
  await ensureDefaultGroup(trx, projectId);
  const [row] = await trx('networks')
    .insert({
      project_id: projectId,
      ...columnsOf(asked),
      mtu: mtuOf(deps, asked.mtu, provider.network_type),
      ...provider,
    })
    .returning('id')
    .catch((error) => {
      refuseSecondDefault(error);
      if (violatedConstraint(error) !== 'networks_physical_network_key') throw error;
      throw new NetworkInUse(
        `Unable to create the flat network. Physical network ${provider.physical_network} is in use.`,
        { cause: error },
      );
    });
  await wake(trx, 'networks', row.id);
  return getNetwork(trx, 'everyone', row.id);
}

/** Which physical network it is, if any: the operator's business. Segment numbers are given by the engine alone. */
function providerOf({ enforcer }: NetworkDeps, ctx: ProjectContext, asked: NewNetwork) {
  const type = asked['provider:network_type'];
  const physical = asked['provider:physical_network'];
  const segment = asked['provider:segmentation_id'];
  if (type === undefined && physical === undefined && segment === undefined)
    return { network_type: 'geneve', physical_network: null };
  enforcer.authorize(ctx, policy['create_network:provider']);
  if (segment !== undefined) throw new InvalidInput('segmentation_id cannot be chosen: the network engine assigns it.');
  if (type === 'flat' && physical !== undefined) return { network_type: 'flat', physical_network: physical };
  if (type === 'geneve' && physical === undefined) return { network_type: 'geneve', physical_network: null };
  throw new InvalidInput(
    'Invalid input for operation: provider:network_type is geneve, or flat with a physical_network.',
  );
}

function noWayOut(): InvalidInput {
  return new InvalidInput(
    'Invalid input for operation: an external network must be a physical one; give provider:network_type flat and a provider:physical_network.',
  );
}

function notExternal(): InvalidInput {
  return new InvalidInput('Invalid input for operation: only an external network can be the default one.');
}

/** The index lets there be one. */
function refuseSecondDefault(error: unknown): void {
  if (violatedConstraint(error) !== 'networks_default_key') return;
  throw new DefaultExternalNetworkExists('A default external network already exists: end that first.', {
    cause: error,
  });
}

function mtuOf({ tenantMtu }: NetworkDeps, asked: number | string | undefined, type: string): number {
  const most = type === 'flat' ? 9000 : tenantMtu;
  const mtu = asked === undefined ? (type === 'flat' ? 1500 : tenantMtu) : Number(asked);
  if (mtu > most || mtu < 576)
    throw new InvalidInput(`Invalid input for operation: Requested MTU ${mtu} is not between 576 and ${most}.`);
  return mtu;
}

function columnsOf(asked: NetworkAttributes) {
  return {
    name: asked.name,
    description: asked.description,
    admin_state_up: asked.admin_state_up,
    shared: asked.shared,
    external: asked['router:external'],
    is_default: asked['router:external'] === false ? false : asked.is_default,
    port_security_enabled: asked.port_security_enabled,
  };
}

export async function updateNetwork(
  deps: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: NetworkAttributes,
): Promise<Network> {
  const { db, enforcer } = deps;
  return await db.transaction(async (trx) => {
    await lock(trx, id);
    const network = await getNetwork(trx, visibleTo(ctx), id);
    const target = { project_id: network.projectId };
    enforcer.authorize(ctx, policy.update_network, target);
    if (asked.shared !== undefined) enforcer.authorize(ctx, policy['update_network:shared'], target);
    if (asked['router:external'] !== undefined)
      enforcer.authorize(ctx, policy['update_network:router:external'], target);
    if (asked.mtu !== undefined) enforcer.authorize(ctx, policy['update_network:mtu'], target);
    if (asked.is_default !== undefined) enforcer.authorize(ctx, policy['update_network:is_default'], target);
    if (asked.is_default && !(asked['router:external'] ?? network.external)) throw notExternal();
    if (network.shared && asked.shared === false) await refuseUnsharing(trx, network);
    if (asked['router:external'] && network.physicalNetwork === null) throw noWayOut();
    if (network.external && asked['router:external'] === false) await refuseUsedExternal(trx, network);
    const mtu = asked.mtu === undefined ? {} : { mtu: mtuOf(deps, asked.mtu, network.networkType) };
    await change(trx, 'networks', id, { ...columnsOf(asked), ...mtu }).catch((error) => {
      refuseSecondDefault(error);
      throw error;
    });
    // DHCP hands the MTU out, so the subnets have changed too.
    if (asked.mtu !== undefined) for (const subnetId of network.subnetIds) await change(trx, 'subnets', subnetId);
    return getNetwork(trx, 'everyone', id);
  });
}

/** Subnets go with their network; anything that has a port on it keeps it. */
export async function deleteNetwork({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lock(trx, id); // against a port or subnet being put on it right now
    const network = await getNetwork(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.delete_network, { project_id: network.projectId });
    const used = await trx('ports').where({ network_id: id }).whereNull('deletion_requested_at').first('id');
    if (used)
      throw new NetworkInUse(
        `Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${used.id}.`,
      );
    for (const subnetId of network.subnetIds) await requestDeletion(trx, 'subnets', subnetId);
    await trx('network_tags')
      .whereIn('resource_id', [id, ...network.subnetIds])
      .delete();
    await requestDeletion(trx, 'networks', id);
  });
}

async function lock(trx: Knex, id: string): Promise<void> {
  if (!isUuid(id)) throw new NotFound('Network', id);
  await trx('networks').where({ id }).forUpdate().first('id');
}

async function refuseUnsharing(trx: Knex, network: Network): Promise<void> {
  const foreign = await trx('ports')
    .where({ network_id: network.id })
    .whereNull('deletion_requested_at')
    .whereNotIn('project_id', [network.projectId, ''])
    .first('id');
  if (foreign)
    throw new InvalidSharedSetting(
      `Unable to reconfigure sharing settings for network ${network.id}. Multiple projects are using it.`,
    );
}

async function refuseUsedExternal(trx: Knex, network: Network): Promise<void> {
  const used = await trx('ports')
    .where({ network_id: network.id })
    .whereNull('deletion_requested_at')
    .whereIn('device_owner', ['network:router_gateway', 'network:floatingip'])
    .first('id');
  if (used)
    throw new ExternalNetworkInUse(
      `External network ${network.id} cannot be updated to be made non-external, since it has existing gateway ports.`,
    );
}
