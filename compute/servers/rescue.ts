import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import { getUsableImage } from '../../image/images/use.ts';
import { badReference } from '../references.ts';
import { ask, refuseState } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { bootableFormat, checkRescueFits, imageDiskGib } from './image-fit.ts';
import { checkRescueDisk } from './machine.ts';
import { requirements } from './states.ts';
import { getBootData } from './store.ts';

export interface RescueRequest {
  /** Undefined: what the server's own disk was made from. */
  imageId: string | undefined;
  adminPassword: string;
}

/**
 * Boots the server from a fresh disk of an image, with its own disk as the second one. The disk counts on the host, but a host
 * without room for it is no reason to leave a server without rescue. Throws `BadRequest`, `Conflict`.
 */
export async function rescueServer(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  { imageId, adminPassword }: RescueRequest,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'rescue',
    api: 'rescue',
    requirement: requirements.rescue,
    power: 'running',
    async change(trx, server) {
      const { imageProperties } = await getBootData(trx, server.id);
      await trx('server_boot_data').where({ server_id: server.id }).update({ admin_password: adminPassword });
      const rescueDisk = async (id: string, format: 'raw' | 'qcow2') => ({
        rescue_image_id: id,
        rescue_image_format: format,
        rescue_disk_gib: (await imageDiskGib(trx, id)) ?? server.diskGib,
      });
      if (imageId === undefined) checkRescueDisk(imageProperties, imageProperties);
      if (imageId === undefined) return rescueDisk(server.diskImageId, server.diskImageFormat);
      if (!isUuid(imageId)) throw new BadRequest('Invalid rescue_image_ref provided.');
      const image = await getUsableImage(trx, visibleTo(ctx), imageId).catch(
        badReference('Can not find requested image'),
      );
      await checkRescueFits(trx, image, server);
      checkRescueDisk(image.properties, imageProperties);
      return rescueDisk(image.id, bootableFormat(image));
    },
  });
}

export const withoutRescue = { rescue_image_id: null, rescue_image_format: null, rescue_disk_gib: 0 };

/** Boots the server from its own disk again; also when the other one cannot be had. */
export async function unrescueServer({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<void> {
  await ask(db, ctx, id, {
    action: 'unrescue',
    api: 'unrescue',
    requirement: requirements.unrescue,
    power: 'running',
    change(_trx, server) {
      if (server.rescueImageId === null) refuseState(server, 'unrescue', { vmStates: ['rescued'] });
      return withoutRescue;
    },
  });
}
