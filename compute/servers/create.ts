import { randomBytes, randomUUID } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, OverQuota } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import { getUsableImage, type UsableImage } from '../../image/images/use.ts';
import type { PropertyProtection } from '../../image/property-protection/protection.ts';
import { deviceOwnerIn } from '../aggregates/zones.ts';
import type { LocalDisk } from '../drivers/driver.ts';
import type { Flavor } from '../flavors/flavor.ts';
import { liveLimitsOf } from '../flavors/live-limits.ts';
import { getFlavor } from '../flavors/store.ts';
import { createGuestPorts, type GuestPort, type GuestPorts } from '../guest-ports.ts';
import { findKeypair } from '../keypairs/store.ts';
import { type LimitsOfUser, limitsOfUser } from '../quotas/limits.ts';
import { checkInjectedFiles, checkMetadataItems, checkQuota, type QuotaScope } from '../quotas/quotas.ts';
import { badReference } from '../references.ts';
import { claimHost, type Placement } from '../scheduler/claim.ts';
import type { Scheduling } from '../scheduler/scheduling.ts';
import { joinServerGroup, lockServerGroup } from '../server-groups/membership.ts';
import type { GroupDemand } from '../server-groups/server-group.ts';
import { recordAction } from './actions.ts';
import { hintedHosts, type SchedulerHints } from './hints.ts';
import { bootableFormat, checkImageFits, checkZeroDisk } from './image-fit.ts';
import { inheritableProperties } from './image-properties.ts';
import { type AskedDisks, disksOf, extraDiskGib } from './local-disks.ts';
import { checkMachine } from './machine.ts';
import { resolveNetworks } from './networks.ts';
import { checkPlace, type RequestedPlace, requestedPlace } from './place.ts';
import { hostnameFrom, type Server } from './server.ts';
import { getServer } from './store.ts';

export interface ServerDeps {
  db: Knex;
  /** For rules that guard an attribute or one action of many, where no route can. */
  enforcer: Enforcer;
  /** Of this cloud: limits may be for one region. */
  region: string;
  scheduling: Scheduling;
  /** Bytes that tenant networks carry, for one that is made for a server. */
  tenantMtu: number;
  /** How long a deleted server can be restored; 0: not at all. */
  reclaimSeconds: number;
  /** How long a shelved server keeps its host; 0: not at all, negative: until it is told to. */
  shelvedOffloadSeconds: number;
  /** Every server gets a config drive, whether it asks for one or not. */
  forceConfigDrive: boolean;
  /** Who may say what of images, also of those that servers become. */
  imageProtection: PropertyProtection;
}

export interface NewServer {
  name: string;
  /** Null: made of the name. */
  hostname: string | null;
  description: string | null;
  imageId: string;
  disks: AskedDisks;
  flavorId: string;
  keyName: string | null;
  metadata: Record<string, string>;
  tags: string[];
  /** Base64. */
  userData: string | null;
  adminPassword: string;
  hasConfigDrive: boolean;
  personality: { path: string; contents: string }[];
  /** `zone`, or for administrators `zone:host`. */
  availabilityZone: string | null;
  /** An administrator's choice of host. */
  hostName: string | null;
  /** Undefined: the project's only network, if it has just one; `auto`: one is made for it when it has none. */
  networks: GuestPort[] | 'auto' | undefined;
  /** Names or ids; undefined for the default group. */
  securityGroups: string[] | undefined;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL';
  /** So many if the quota allows, and no fewer than the least. */
  count: { least: number; most: number };
  hints: SchedulerHints;
}

/**
 * Makes servers: quota, hosts, ports and rows in one transaction, so that a crash leaves all or nothing. When no host has room
 * a server is there all the same, in error, with the reason. Throws `BadRequest` for references that lead nowhere, `Conflict`,
 * `OverQuota`.
 */
export async function createServers(deps: ServerDeps, ctx: ProjectContext, asked: NewServer): Promise<Server[]> {
  const askedPlace = requestedPlace(deps, ctx, asked);
  checkCount(asked);
  return deps.db.transaction(async (trx) => {
    const place = await checkPlace(trx, askedPlace);
    const found = await resolve({ ...deps, db: trx }, ctx, asked);
    checkZeroDisk(deps.enforcer, ctx, found.flavor);
    const { vcpus, memoryMib, diskGib, extraSpecs } = found.flavor;
    const { projectId, userId } = ctx;
    const scope = { region: deps.region, projectId, userId };
    const limits = await limitsOfUser(trx, scope);
    checkMetadataItems(limits.project, Object.keys(asked.metadata).length);
    checkInjectedFiles(limits.project, asked.personality);
    const count = await countWithinQuota(trx, scope, limits, asked.count, found.flavor);
    if (count > 1) await takeTurns(trx);
    const { groupId, ...hints } = asked.hints;
    const inGroup = groupId === null ? null : { groupId, userId, region: deps.region, more: count };
    const group = inGroup && (await lockServerGroup(trx, visibleTo(ctx), inGroup));
    const demand = {
      vcpus,
      memoryMib,
      diskGib: diskGib + extraDiskGib(found.flavor),
      projectId,
      extraSpecs,
      imageProperties: found.image.properties,
      ...place,
      ...(await hintedHosts(trx, ctx, hints)),
    };
    const reservationId = `r-${randomBytes(4).toString('hex')}`;
    const made: { id: string; placement: Placement }[] = [];
    for (let index = 0; index < count; index += 1) {
      const placement = await claimHost(trx, { ...demand, ...(group && { group }) }, deps.scheduling);
      const id = randomUUID();
      const name = asked.count.most > 1 ? `${asked.name}-${index + 1}` : asked.name;
      const named = { ...asked, name, hasConfigDrive: asked.hasConfigDrive || deps.forceConfigDrive };
      await insertServer(trx, ctx, { id, index, reservationId }, named, found, placement, place);
      if (groupId !== null) await joinServerGroup(trx, groupId, id);
      if (group) countOneMore(group, placement);
      made.push({ id, placement });
    }
    // After all hosts, as locks are taken in one order.
    for (const { id, placement } of made)
      await createGuestPorts(
        trx,
        ctx,
        { id, deviceOwner: deviceOwnerIn(placement.host?.zone), host: placement.host },
        found.networks,
      );
    const servers: Server[] = [];
    for (const { id } of made) servers.push(await getServer(trx, visibleTo(ctx), id));
    return servers;
  });
}

/** What the next of its servers has to keep to. */
function countOneMore(group: GroupDemand, { host }: Placement): void {
  const guests = group.guestsByHost as Map<string, number>;
  if (host) guests.set(host.id, (guests.get(host.id) ?? 0) + 1);
}

interface Resolved {
  flavor: Flavor;
  image: UsableImage;
  localDisks: LocalDisk[];
  publicKey: string | null;
  networks: GuestPorts;
}

/** What the ids and names of a request stand for, within the caller's reach. */
async function resolve(deps: ServerDeps, ctx: ProjectContext, asked: NewServer): Promise<Resolved> {
  const { db: trx } = deps;
  const flavor = await getFlavor(trx, visibleTo(ctx), asked.flavorId).catch(badReference());
  if (!isUuid(asked.imageId)) throw new BadRequest('Invalid imageRef provided.');
  const image = await getUsableImage(trx, visibleTo(ctx), asked.imageId).catch(
    badReference('Can not find requested image'),
  );
  const localDisks = disksOf(flavor, asked.disks);
  checkImageFits(image, flavor);
  checkMachine(image.properties, flavor);
  const keypair = asked.keyName === null ? undefined : await findKeypair(trx, ctx.userId, asked.keyName);
  if (asked.keyName !== null && keypair === undefined) throw new BadRequest('Invalid key_name provided.');
  const networks = await resolveNetworks(deps, ctx, asked.networks, asked.securityGroups).catch(badReference());
  return { flavor, image, localDisks, publicKey: keypair?.publicKey ?? null, networks };
}

/** What only one server can have (nova/exception.py: MultiplePortsNotApplicable and its like). */
function checkCount({ count, networks, hostname }: NewServer): void {
  if (count.least > count.most) throw new BadRequest('min_count must be <= max_count');
  if (count.most === 1) return;
  const named = Array.isArray(networks) ? networks : [];
  if (named.some(({ portId }) => portId !== undefined))
    throw new BadRequest('Failed to launch multiple instances with a single configured port ID.');
  if (named.some(({ fixedIp }) => fixedIp !== undefined))
    throw new BadRequest('Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.');
  if (hostname !== null) throw new BadRequest('Unable to allocate a single hostname to multiple instances');
}

/** The most that the quota leaves room for. Throws `OverQuota` when that is less than the least. */
async function countWithinQuota(
  trx: Knex,
  scope: QuotaScope,
  limits: LimitsOfUser,
  { least, most }: NewServer['count'],
  flavor: Flavor,
): Promise<number> {
  const { vcpus, memoryMib } = flavor;
  const diskGib = flavor.diskGib + extraDiskGib(flavor);
  const allows = (count: number) =>
    checkQuota(
      trx,
      scope,
      { instances: count, cores: count * vcpus, ram: count * memoryMib, disk: count * diskGib },
      limits,
    );
  await allows(least);
  let [fits, tooMany] = [least, most + 1];
  for (let tried = most; tooMany - fits > 1; tried = Math.floor((fits + tooMany) / 2))
    await allows(tried).then(
      () => {
        fits = tried;
      },
      (error: unknown) => {
        if (!(error instanceof OverQuota)) throw error;
        tooMany = tried;
      },
    );
  return fits;
}

/** Several servers lock several hosts, in any order: one such request after the other. */
async function takeTurns(trx: Knex): Promise<void> {
  await trx.raw("select pg_advisory_xact_lock(hashtextextended('compute multi-create', 0))");
}

async function insertServer(
  trx: Knex,
  ctx: ProjectContext,
  { id, index, reservationId }: { id: string; index: number; reservationId: string },
  asked: NewServer,
  { flavor, image, localDisks, publicKey }: Resolved,
  placement: Placement,
  { zone }: RequestedPlace,
): Promise<void> {
  const isPlaced = placement.host !== undefined;
  const { sameHost, differentHost } = asked.hints;
  const server = {
    id,
    project_id: ctx.projectId,
    user_id: ctx.userId,
    name: asked.name,
    hostname: asked.hostname ?? hostnameFrom(asked.name, id),
    description: asked.description,
    flavor_id: flavor.id,
    flavor_name: flavor.name,
    flavor_extra_specs: JSON.stringify(flavor.extraSpecs),
    vcpus: flavor.vcpus,
    memory_mib: flavor.memoryMib,
    disk_gib: flavor.diskGib,
    live_limits: JSON.stringify(liveLimitsOf(flavor)),
    ephemeral_gib: flavor.ephemeralGib,
    swap_mib: flavor.swapMib,
    local_disks: JSON.stringify(localDisks),
    root_disk_tag: asked.disks.rootTag,
    image_id: image.id,
    disk_image_id: image.id,
    disk_image_format: bootableFormat(image),
    key_name: asked.keyName,
    metadata: JSON.stringify(asked.metadata),
    tags: asked.tags,
    availability_zone: zone,
    access_ipv4: asked.accessIpv4,
    access_ipv6: asked.accessIpv6,
    disk_config: asked.diskConfig,
    reservation_id: reservationId,
    config_drive: asked.hasConfigDrive || image.properties.img_config_drive === 'mandatory',
    launch_index: index,
    host_id: placement.host?.id ?? null,
    unplaced_reason: placement.reason ?? null,
    unplaced_details: placement.details ?? null,
    settled_revision: isPlaced ? 0 : 1, // without a host there is nothing to wait for
  };
  const bootData = {
    server_id: id,
    user_data: asked.userData,
    public_key: publicKey,
    admin_password: isPlaced ? asked.adminPassword : null,
    personality: JSON.stringify(asked.personality),
    image_properties: JSON.stringify(inheritableProperties(image.properties)),
    image_min_ram_mib: image.minRamMib,
    scheduler_hints: JSON.stringify({ sameHost, differentHost }),
    random_seed: randomBytes(512).toString('base64'),
  };
  // In one statement, as others wait for the locks that are held by now.
  await trx.with('boot_data', trx('server_boot_data').insert(bootData)).insert(server).into('servers');
  await recordAction(trx, ctx, {
    serverId: id,
    action: 'create',
    revision: 1,
    ...(!isPlaced && { isDone: true, message: 'Error' }),
  });
  await notify(trx, 'servers', id);
}
