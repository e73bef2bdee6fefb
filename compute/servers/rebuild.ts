import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Conflict } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { getUsableImage, type UsableImage } from '../../image/images/use.ts';
import { getHost } from '../hosts/store.ts';
import { findKeypair } from '../keypairs/store.ts';
import { computeLimitsOf } from '../quotas/limits.ts';
import { checkInjectedFiles, checkMetadataItems } from '../quotas/quotas.ts';
import { badReference } from '../references.ts';
import { imageRefusalOf } from '../scheduler/filters.ts';
import { refuseHost } from '../scheduler/no-valid-host.ts';
import type { Scheduling } from '../scheduler/scheduling.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { bootableFormat, checkImageFits, checkZeroDisk } from './image-fit.ts';
import { type ImageProperties, inheritableProperties } from './image-properties.ts';
import { checkMachine } from './machine.ts';
import { withoutRescue } from './rescue.ts';
import type { Server } from './server.ts';
import { requirements } from './states.ts';
import { getServer } from './store.ts';

/** Absent leaves alone; null clears. */
export interface RebuildRequest {
  imageId: string;
  adminPassword: string;
  name?: string;
  hostname?: string;
  description?: string | null;
  metadata?: Record<string, string>;
  accessIpv4?: string;
  accessIpv6?: string;
  diskConfig?: 'AUTO' | 'MANUAL';
  keyName?: string | null;
  userData?: string | null;
  personality?: { path: string; contents: string }[];
}

/**
 * Gives the server a new root disk, of the same image or another. What was on the old one is gone. Throws `NoValidHost` for an
 * image that asks for what its host has not, `BadRequest`, `Conflict`.
 */
export async function rebuildServer(
  { db, region, enforcer, scheduling }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  asked: RebuildRequest,
): Promise<Server> {
  await ask(db, ctx, id, {
    action: 'rebuild',
    api: 'rebuild',
    requirement: requirements.rebuild,
    async change(trx, server, revision) {
      if (server.oldFlavor !== null)
        throw new Conflict(`Cannot 'rebuild' instance ${server.id} while its resize has failed: revert that first.`);
      if (!isUuid(asked.imageId)) throw new BadRequest('Invalid imageRef provided.');
      const image = await getUsableImage(trx, visibleTo(ctx), asked.imageId).catch(
        badReference('Cannot find image for rebuild'),
      );
      checkImageFits(image, server);
      checkMachine(image.properties, server);
      checkZeroDisk(enforcer, ctx, server);
      await checkHost(trx, scheduling, server, image.properties);
      const limits = await computeLimitsOf(trx, { projectId: server.projectId, region });
      checkMetadataItems(limits, Object.keys(asked.metadata ?? {}).length);
      checkInjectedFiles(limits, asked.personality ?? []);
      await changeBootData(trx, server, image, asked);
      return {
        image_id: image.id,
        disk_image_id: image.id,
        disk_image_format: bootableFormat(image),
        disk_generation: revision,
        disk_copied_from: null,
        ...withoutRescue, // one that ended in error; any other is refused
        ...labels(asked),
        ...(asked.keyName !== undefined && { key_name: asked.keyName }),
      };
    },
  });
  return getServer(db, visibleTo(ctx), id);
}

/** A server does not leave its host for another image, which must not get it past what the host was asked (CVE-2017-16239). */
async function checkHost(
  trx: Knex,
  scheduling: Scheduling,
  { hostId, hostName, vcpus, memoryMib, diskGib, projectId }: Server,
  imageProperties: ImageProperties,
): Promise<void> {
  if (hostId === null || hostName === null) return;
  const demand = { vcpus, memoryMib, diskGib, projectId, zone: null, hostName, imageProperties };
  const refusal = imageRefusalOf(await getHost(trx, hostId), demand, scheduling);
  refuseHost(scheduling, projectId, refusal && { hostName, ...refusal });
}

/** A key is the server's owner's, whoever rebuilds it. */
async function changeBootData(
  trx: Knex,
  server: Server,
  image: Pick<UsableImage, 'properties' | 'minRamMib'>,
  asked: RebuildRequest,
): Promise<void> {
  const keypair = asked.keyName ? await findKeypair(trx, server.userId, asked.keyName) : undefined;
  if (asked.keyName && keypair === undefined) throw new BadRequest('Invalid key_name provided.');
  await trx('server_boot_data')
    .where({ server_id: server.id })
    .update({
      admin_password: asked.adminPassword,
      image_properties: JSON.stringify(inheritableProperties(image.properties)),
      image_min_ram_mib: image.minRamMib,
      ...(asked.keyName !== undefined && { public_key: keypair?.publicKey ?? null }),
      ...(asked.userData !== undefined && { user_data: asked.userData }),
      ...(asked.personality !== undefined && { personality: JSON.stringify(asked.personality) }),
    });
}

function labels(asked: RebuildRequest) {
  const columns = {
    name: asked.name,
    hostname: asked.hostname,
    description: asked.description,
    metadata: asked.metadata && JSON.stringify(asked.metadata),
    access_ipv4: asked.accessIpv4,
    access_ipv6: asked.accessIpv6,
    disk_config: asked.diskConfig,
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}
