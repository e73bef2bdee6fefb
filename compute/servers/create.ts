import { randomBytes, randomUUID } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, Conflict, Forbidden, NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { getFlavor } from '../flavors/store.ts';
import { findKeypair } from '../keypairs/store.ts';
import { availabilityZone, quotaLimits } from '../limits.ts';
import { checkQuota } from '../quotas/quotas.ts';
import { claimHost } from '../scheduler/claim.ts';
import { recordAction } from './actions.ts';
import { checkImageFits } from './image-fit.ts';
import type { Images, Networking } from './neighbours.ts';
import { hostnameFrom, type Server } from './server.ts';
import { getServer } from './store.ts';

export interface ServerDeps {
  db: Knex;
  networking: Networking;
  images: Images;
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
  const visible = visibleTo(ctx);
  if (Object.keys(asked.metadata).length > quotaLimits.metadata_items)
    throw new Forbidden(`Maximum number of metadata items exceeds ${quotaLimits.metadata_items}`);
  const zone = requestedZone(ctx, asked.availabilityZone);
  return deps.db.transaction(async (trx) => {
    const flavor = await getFlavor(trx, visible, asked.flavorId).catch(badReference());
    const image = await usableImage(deps, trx, ctx, asked.imageId);
    checkImageFits(image, flavor);
    const keypair = asked.keyName === null ? undefined : await findKeypair(trx, ctx.userId, asked.keyName);
    if (asked.keyName !== null && keypair === undefined) throw new BadRequest('Invalid key_name provided.');
    const securityGroupIds =
      asked.securityGroups &&
      (await deps.networking
        .resolveSecurityGroups(trx, ctx.projectId, asked.securityGroups)
        .catch(badReference('Unable to find security_group with name or id')));
    const networks = await requestedNetworks(deps, trx, ctx, asked.networks);
    await checkQuota(trx, ctx.projectId, { instances: 1, cores: flavor.vcpus, ram: flavor.memoryMib });

    const id = randomUUID();
    const { vcpus, memoryMib, diskGib } = flavor;
    const placement = await claimHost(trx, { vcpus, memoryMib, diskGib, ...zone });
    await trx('servers').insert({
      id,
      project_id: ctx.projectId,
      user_id: ctx.userId,
      name: asked.name,
      hostname: hostnameFrom(asked.name, id),
      flavor_id: flavor.id,
      vcpus,
      memory_mib: memoryMib,
      disk_gib: diskGib,
      image_id: image.id,
      image_format: image.diskFormat,
      key_name: asked.keyName,
      metadata: JSON.stringify(asked.metadata),
      availability_zone: asked.availabilityZone === null ? null : zone.zone,
      access_ipv4: asked.accessIpv4,
      access_ipv6: asked.accessIpv6,
      disk_config: asked.diskConfig,
      reservation_id: `r-${randomBytes(4).toString('hex')}`,
      host_id: placement.host?.id ?? null,
      unplaced_reason: placement.reason ?? null,
      unplaced_details: placement.details ?? null,
      settled_revision: placement.host ? 0 : 1,
    });
    await trx('server_boot_data').insert({
      server_id: id,
      user_data: asked.userData,
      public_key: keypair?.publicKey ?? null,
      random_seed: randomBytes(512).toString('base64'),
    });
    await recordAction(trx, ctx, { serverId: id, action: 'create', revision: 1 });
    if (placement.host) {
      for (const network of networks)
        await deps.networking
          .createPort(trx, {
            ...network,
            projectId: ctx.projectId,
            visible,
            securityGroupIds,
            deviceId: id,
            deviceOwner: `compute:${availabilityZone}`,
            hostName: placement.host.name,
          })
          .catch(badReference());
      await notify(trx, 'servers', id);
    } else await trx('server_actions').where({ server_id: id }).update({ message: 'Error', finished_at: trx.fn.now() });
    return getServer(trx, visible, id);
  });
}

async function usableImage({ images }: ServerDeps, trx: Knex, ctx: ProjectContext, id: string) {
  if (!isUuid(id)) throw new BadRequest('Invalid imageRef provided.');
  return images
    .getUsableImage(trx, { projectId: ctx.projectId }, id)
    .catch(badReference('Can not find requested image'));
}

/** Every network and port is looked up before room is claimed: a bad reference is the request's fault, not the server's. */
async function requestedNetworks(
  { networking }: ServerDeps,
  trx: Knex,
  ctx: ProjectContext,
  networks: NetworkRequest[] | undefined,
): Promise<NetworkRequest[]> {
  if (networks !== undefined && networks.length > 0) return networks;
  try {
    const networkId = await networking.defaultNetworkFor(trx, ctx.projectId);
    return networkId === undefined ? [] : [{ networkId }]; // a project without networks gets servers without, as in Nova
  } catch (error) {
    if (error instanceof Conflict)
      throw new Conflict('Multiple possible networks found, use a Network ID to be more specific.', { cause: error });
    throw error;
  }
}

/** `zone[:host]`; only an administrator may name a host. */
function requestedZone(ctx: ProjectContext, asked: string | null): { zone: string | null; hostName: string | null } {
  const [zone = '', hostName = ''] = (asked ?? '').split(':');
  if (hostName !== '' && !ctx.isAdmin)
    throw new Forbidden("Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.");
  if (zone !== '' && zone !== availabilityZone)
    throw new BadRequest('The requested availability zone is not available');
  return { zone: zone || null, hostName: hostName || null };
}

/** What is missing behind an id inside a body is a bad request, not a missing resource. */
function badReference(message?: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof NotFound) throw new BadRequest(message ?? error.message, { cause: error });
    throw error;
  };
}
