/** Actions that make images of servers. */

import type { ResponseToolkit } from '@hapi/hapi';
import { Type } from 'typebox';
import { since, type Version } from '../../../common/http/microversion.ts';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { createBackup, createImage } from '../../servers/snapshots.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { Count, closed, Metadata, Name } from '../fields.ts';
import { action } from './action.ts';

export const imageActionPolicy = definePolicy({
  'os_compute_api:servers:create_image': projectMember('Make an image of a server'),
  'os_compute_api:os-create-backup': projectMember('Make a backup of a server'),
});

export const imageActions = {
  createImage: action({
    rule: imageActionPolicy['os_compute_api:servers:create_image'],
    value: Type.Object({ name: Name, metadata: Type.Optional(Metadata) }, closed),
    async run({ deps, ctx, id, value, version, h }) {
      const imageId = await createImage(deps, ctx, id, { name: value.name, metadata: value.metadata ?? {} });
      return tellImage(deps, version, h, imageId);
    },
  }),
  createBackup: action({
    rule: imageActionPolicy['os_compute_api:os-create-backup'],
    value: Type.Object(
      {
        name: Name,
        backup_type: Type.String({ maxLength: 255 }), // clients send none as an empty one
        rotation: Count(0),
        metadata: Type.Optional(Metadata),
      },
      closed,
    ),
    async run({ deps, ctx, id, value, version, h }) {
      const imageId = await createBackup(deps, ctx, id, {
        name: value.name,
        metadata: value.metadata ?? {},
        type: value.backup_type,
        rotation: Number(value.rotation),
      });
      // Of none that are kept, the new one goes as well: nobody is told of it (nova/api/openstack/compute/create_backup.py).
      return Number(value.rotation) === 0 ? h.response().code(202) : tellImage(deps, version, h, imageId);
    },
  }),
};

/** In the body since 2.45, in a header before. */
function tellImage({ url }: ComputeApiDeps, version: Version, h: ResponseToolkit, imageId: string) {
  if (since(version, 2, 45)) return h.response({ image_id: imageId }).code(202);
  return h.response().code(202).header('location', `${url.image}/images/${imageId}`);
}
