import { randomInt, randomUUID } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { findImageByName, getUsableImage, type UsableImage } from '../../image/images/use.ts';
import { defaultNetworkFor, resolveNetwork, resolveSecurityGroups } from '../../network/ports.ts';
import { requireZone } from '../aggregates/zones.ts';
import { createGuestPorts, type GuestPorts } from '../guest-ports.ts';
import { checkQuota } from '../quotas/quotas.ts';
import { asBadReference } from '../references.ts';
import { claimHost, type Placement } from '../scheduler/claim.ts';
import type { Scheduling } from '../scheduler/scheduling.ts';
import { hostnameFrom } from '../servers/server.ts';
import type { Container, RestartPolicy } from './container.ts';
import { topic } from './reconciler.ts';
import { getContainer } from './store.ts';

export interface ContainerDeps {
  db: Knex;
  /** Of this cloud: limits may be for one region. */
  region: string;
  scheduling: Scheduling;
}

/** One interface, on a network of which any or a given address is taken, or on a port that exists. */
export interface NetworkRequest {
  /** Name or id. */
  network?: string;
  portId?: string;
  fixedIp?: string;
}

export interface NewContainer {
  /** Null: one is made up. */
  name: string | null;
  /** Name or id. */
  image: string;
  command: string[] | null;
  environment: Record<string, string>;
  workingDirectory: string | null;
  labels: Record<string, string>;
  /** Null: made of the name. */
  hostname: string | null;
  cpus: number;
  memoryMib: number;
  isInteractive: boolean;
  hasTty: boolean;
  imagePullPolicy: string | null;
  restartPolicy: { name: RestartPolicy; maximumRetries: number };
  isAutoRemoved: boolean;
  /** Empty: the project's only network. */
  networks: NetworkRequest[];
  /** Names or ids; undefined for the default group. */
  securityGroups: string[] | undefined;
  availabilityZone: string | null;
  /** An administrator's choice. */
  hostName: string | null;
  /** Whether it is started once it is there. */
  isStarted: boolean;
}

/**
 * Makes a container: quota, host, ports and row in one transaction, so that a crash leaves all or nothing. When no host has
 * room the container is there all the same, in error, with the reason. Throws `BadRequest` for references that lead nowhere,
 * `Conflict`, `OverQuota`.
 */
export async function createContainer(
  { db, region, scheduling }: ContainerDeps,
  ctx: ProjectContext,
  asked: NewContainer,
): Promise<Container> {
  return db.transaction(async (trx) => {
    if (asked.availabilityZone !== null) await requireZone(trx, asked.availabilityZone);
    const found = await resolve(trx, ctx, asked);
    const { cpus, memoryMib } = asked;
    const { projectId, userId } = ctx;
    await checkQuota(trx, { region, projectId, userId }, { containers: 1, cores: cpus, ram: memoryMib });
    const { availabilityZone: zone, hostName } = asked;
    // Its files lie in the host's engine, as large as they grow: no disk is claimed.
    const demand = { vcpus: cpus, memoryMib, diskGib: 0, zone, hostName, projectId };
    const placement = await claimHost(trx, demand, scheduling);
    const id = randomUUID();
    await insertContainer(trx, ctx, id, asked, found.image, placement);
    await createGuestPorts(trx, ctx, { id, deviceOwner: 'compute:kuryr', host: placement.host }, found);
    await notify(trx, topic, id);
    return getContainer(trx, visibleTo(ctx), id);
  });
}

interface Resolved extends GuestPorts {
  image: UsableImage;
}

/** What the ids and names of a request stand for, within the caller's reach. */
async function resolve(trx: Knex, ctx: ProjectContext, asked: NewContainer): Promise<Resolved> {
  const own = { projectId: ctx.projectId }; // whose names count, also for administrators
  try {
    const imageId = isUuid(asked.image) ? asked.image : await findImageByName(trx, own, asked.image);
    const image = await getUsableImage(trx, visibleTo(ctx), imageId);
    checkImage(image, asked);
    const securityGroupIds =
      asked.securityGroups && (await resolveSecurityGroups(trx, ctx.projectId, asked.securityGroups));
    const networks: Resolved['networks'] = [];
    for (const { network, portId, fixedIp } of asked.networks) {
      if (network === undefined) networks.push({ portId });
      else
        networks.push({
          networkId: await resolveNetwork(trx, isUuid(network) ? visibleTo(ctx) : own, network),
          fixedIp,
        });
    }
    if (networks.length === 0) networks.push({ networkId: await defaultNetwork(trx, ctx.projectId) });
    return { image, securityGroupIds, networks };
  } catch (error) {
    throw asBadReference(error);
  }
}

function checkImage(image: UsableImage, { memoryMib }: NewContainer): void {
  if (image.containerFormat !== 'docker')
    throw new BadRequest(
      `Image ${image.id} is no image for containers: its container_format is ${image.containerFormat}, not docker.`,
    );
  if (image.minRamMib > memoryMib)
    throw new BadRequest(`Image ${image.id} needs ${image.minRamMib} MiB of memory, ${memoryMib} were asked for.`);
}

async function defaultNetwork(trx: Knex, projectId: string): Promise<string> {
  const networkId = await defaultNetworkFor(trx, projectId);
  if (networkId === undefined) throw new Conflict('There is no neutron network available');
  return networkId;
}

async function insertContainer(
  trx: Knex,
  ctx: ProjectContext,
  id: string,
  asked: NewContainer,
  image: UsableImage,
  placement: Placement,
): Promise<void> {
  const name = asked.name ?? madeUpName();
  await trx('containers').insert({
    id,
    project_id: ctx.projectId,
    user_id: ctx.userId,
    name,
    hostname: asked.hostname ?? hostnameFrom(name, id),
    image_ref: asked.image,
    image_id: image.id,
    command: asked.command && JSON.stringify(asked.command),
    environment: JSON.stringify(asked.environment),
    working_directory: asked.workingDirectory,
    labels: JSON.stringify(asked.labels),
    cpus: asked.cpus,
    memory_mib: asked.memoryMib,
    is_interactive: asked.isInteractive,
    has_tty: asked.hasTty,
    image_pull_policy: asked.imagePullPolicy,
    restart_policy: asked.restartPolicy.name,
    maximum_retries: asked.restartPolicy.maximumRetries,
    is_auto_removed: asked.isAutoRemoved,
    availability_zone: asked.availabilityZone,
    host_id: placement.host?.id ?? null,
    unplaced_reason: placement.reason ?? null,
    unplaced_details: placement.details ?? null,
    wanted_power: asked.isStarted ? 'running' : 'shutdown',
    settled_revision: placement.host ? 0 : 1, // without a host there is nothing to wait for
  });
}

const letters = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu'];

/** Of Zun's kind: `zeta-22-container`. Names need not be unique. */
function madeUpName(): string {
  return `${letters[randomInt(letters.length)]}-${randomInt(1, 100)}-container`;
}
