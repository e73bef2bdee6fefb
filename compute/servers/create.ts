import { randomBytes, randomUUID } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { getUsableImage, type UsableImage } from '../../image/images/use.ts';
import { createPort, defaultNetworkFor, resolveSecurityGroups } from '../../network/ports.ts';
import { requireZone } from '../aggregates/zones.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { getFlavor } from '../flavors/store.ts';
import { findKeypair } from '../keypairs/store.ts';
import { availabilityZone } from '../limits.ts';
import { checkMetadataItems, checkQuota } from '../quotas/quotas.ts';
import { claimHost, type Placement } from '../scheduler/claim.ts';
import type { Scheduling } from '../scheduler/scheduling.ts';
import { finishActionsUpTo, recordAction } from './actions.ts';
import { checkImageFits } from './image-fit.ts';
import { hostnameFrom, type Server } from './server.ts';
import { getServer } from './store.ts';

export const createPolicy = definePolicy({
  'os_compute_api:servers:create:forced_host': projectAdmin('Choose the host of a server'),
});
const forcedHost = createPolicy['os_compute_api:servers:create:forced_host'];

export interface ServerDeps {
  db: Knex;
  /** For rules that guard an attribute or one action of many, where no route can. */
  enforcer: Enforcer;
  /** Of this cloud: limits may be for one region. */
  region: string;
  scheduling: Scheduling;
}

/** One interface, on a network of which any or a given address is taken, or on a port that exists. */
export interface NetworkRequest {
  networkId?: string;
  portId?: string;
  fixedIp?: string;
}

export interface NewServer {
  name: string;
  imageId: string;
  flavorId: string;
  keyName: string | null;
  metadata: Record<string, string>;
  /** Base64. */
  userData: string | null;
  /** `zone`, or for administrators `zone:host`. */
  availabilityZone: string | null;
  /** Undefined: the project's only network, if it has just one. */
  networks: NetworkRequest[] | undefined;
  /** Names or ids; undefined for the default group. */
  securityGroups: string[] | undefined;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL';
}

/**
 * Makes a server: quota, host, ports and row in one transaction, so that a crash leaves all or nothing. When no host has room
 * the server is there all the same, in error, with the reason. Throws `BadRequest` for references that lead nowhere, `Conflict`,
 * `OverQuota`.
 */
export async function createServer(deps: ServerDeps, ctx: ProjectContext, asked: NewServer): Promise<Server> {
  const zone = requestedZone(deps, ctx, asked.availabilityZone);
  return deps.db.transaction(async (trx) => {
    if (zone.zone !== null) await requireZone(trx, zone.zone);
    const found = await resolve(trx, ctx, asked);
    const { vcpus, memoryMib, diskGib } = found.flavor;
    const scope = { region: deps.region, projectId: ctx.projectId, userId: ctx.userId };
    await checkMetadataItems(trx, scope, Object.keys(asked.metadata).length);
    await checkQuota(trx, scope, { instances: 1, cores: vcpus, ram: memoryMib });
    const { projectId } = ctx;
    const { extraSpecs } = found.flavor;
    const demand = { vcpus, memoryMib, diskGib, projectId, extraSpecs, ...zone };
    const placement = await claimHost(trx, demand, deps.scheduling);
    const id = randomUUID();
    await insertServer(trx, ctx, id, asked, found, placement, zone.zone);
    // Also when nothing will come of it: a port that cannot be had is the request's fault and is told at once.
    const ports = await trx.transaction();
    try {
      await createPorts(ports, ctx, id, found, placement.host?.name ?? null);
    } catch (error) {
      await ports.rollback();
      throw asBadReference(error);
    }
    await (placement.host ? ports.commit() : ports.rollback());
    await notify(trx, 'servers', id);
    return getServer(trx, visibleTo(ctx), id);
  });
}

interface Resolved {
  flavor: Flavor;
  image: UsableImage;
  publicKey: string | null;
  /** Undefined: the project's default group. */
  securityGroupIds: string[] | undefined;
  networks: NetworkRequest[];
}

/** What the ids and names of a request stand for, within the caller's reach. */
async function resolve(trx: Knex, ctx: ProjectContext, asked: NewServer): Promise<Resolved> {
  const flavor = await getFlavor(trx, visibleTo(ctx), asked.flavorId).catch(badReference());
  if (!isUuid(asked.imageId)) throw new BadRequest('Invalid imageRef provided.');
  const image = await getUsableImage(trx, visibleTo(ctx), asked.imageId).catch(
    badReference('Can not find requested image'),
  );
  if (flavor.swapMib > 0 || flavor.ephemeralGib > 0)
    throw new BadRequest('Servers cannot have swap or ephemeral disks yet; use a flavor without.');
  checkImageFits(image, flavor);
  const keypair = asked.keyName === null ? undefined : await findKeypair(trx, ctx.userId, asked.keyName);
  if (asked.keyName !== null && keypair === undefined) throw new BadRequest('Invalid key_name provided.');
  const securityGroupIds =
    asked.securityGroups &&
    (await resolveSecurityGroups(trx, ctx.projectId, asked.securityGroups).catch(badReference()));
  const networks = asked.networks?.length ? asked.networks : await defaultNetworks(trx, ctx.projectId);
  return { flavor, image, publicKey: keypair?.publicKey ?? null, securityGroupIds, networks };
}

/** A project without networks gets servers without, as in Nova. */
async function defaultNetworks(trx: Knex, projectId: string): Promise<NetworkRequest[]> {
  const networkId = await defaultNetworkFor(trx, projectId);
  return networkId === undefined ? [] : [{ networkId }];
}

async function insertServer(
  trx: Knex,
  ctx: ProjectContext,
  id: string,
  asked: NewServer,
  { flavor, image, publicKey }: Resolved,
  placement: Placement,
  zone: string | null,
): Promise<void> {
  await trx('servers').insert({
    id,
    project_id: ctx.projectId,
    user_id: ctx.userId,
    name: asked.name,
    hostname: hostnameFrom(asked.name, id),
    flavor_id: flavor.id,
    vcpus: flavor.vcpus,
    memory_mib: flavor.memoryMib,
    disk_gib: flavor.diskGib,
    image_id: image.id,
    image_format: image.diskFormat,
    key_name: asked.keyName,
    metadata: JSON.stringify(asked.metadata),
    availability_zone: zone,
    access_ipv4: asked.accessIpv4,
    access_ipv6: asked.accessIpv6,
    disk_config: asked.diskConfig,
    reservation_id: `r-${randomBytes(4).toString('hex')}`,
    host_id: placement.host?.id ?? null,
    unplaced_reason: placement.reason ?? null,
    unplaced_details: placement.details ?? null,
    settled_revision: placement.host ? 0 : 1, // without a host there is nothing to wait for
  });
  await trx('server_boot_data').insert({
    server_id: id,
    user_data: asked.userData,
    public_key: publicKey,
    random_seed: randomBytes(512).toString('base64'),
  });
  await recordAction(trx, ctx, { serverId: id, action: 'create', revision: 1 });
  if (placement.host === undefined) await finishActionsUpTo(trx, id, 1, 'Error');
}

async function createPorts(
  trx: Knex,
  ctx: ProjectContext,
  serverId: string,
  { networks, securityGroupIds }: Resolved,
  hostName: string | null,
): Promise<void> {
  for (const network of networks)
    await createPort(trx, {
      ...network,
      projectId: ctx.projectId,
      visible: visibleTo(ctx),
      securityGroupIds,
      deviceId: serverId,
      deviceOwner: `compute:${availabilityZone}`,
      hostName,
    });
}

/** `zone[:host]`; only an administrator may name a host. */
function requestedZone(
  { enforcer }: ServerDeps,
  ctx: ProjectContext,
  asked: string | null,
): { zone: string | null; hostName: string | null } {
  const [zone = '', hostName = ''] = (asked ?? '').split(':');
  if (hostName !== '') enforcer.authorize(ctx, forcedHost);
  return { zone: zone || null, hostName: hostName || null };
}

/** What is missing behind an id inside a body is a bad request, not a missing resource. */
function asBadReference(error: unknown, message?: string): unknown {
  return error instanceof NotFound ? new BadRequest(message ?? error.message, { cause: error }) : error;
}

function badReference(message?: string): (error: unknown) => never {
  return (error) => {
    throw asBadReference(error, message);
  };
}
