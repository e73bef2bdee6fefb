/** Actions that change what a server runs from: rebuild, rescue, resize. */

import { Type } from 'typebox';
import { BadRequest } from '../../../common/errors.ts';
import { since } from '../../../common/http/microversion.ts';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { isYes } from '../../../common/truth.ts';
import { liveResizeServer } from '../../servers/live-resize.ts';
import { makePassword } from '../../servers/password.ts';
import { rebuildServer } from '../../servers/rebuild.ts';
import { rescueServer, unrescueServer } from '../../servers/rescue.ts';
import { confirmResize, resizeServer, revertResize } from '../../servers/resize.ts';
import { tellMove } from '../dry-run.ts';
import {
  AccessAddress,
  AdminPass,
  BooleanLike,
  closed,
  Description,
  DiskConfig,
  Hostname,
  Metadata,
  Name,
  Personality,
  Uuid,
} from '../fields.ts';
import { linksOf } from '../links.ts';
import { accessAddress, checkHostname, personality, refuseBefore, userData } from '../server-fields.ts';
import { changedServerView } from '../server-view.ts';
import { Anything, action } from './action.ts';

export const diskActionPolicy = definePolicy({
  'os_compute_api:servers:rebuild': projectMember('Rebuild a server'),
  'os_compute_api:servers:resize': projectMember('Resize a server'),
  'os_compute_api:servers:confirm_resize': projectMember('Confirm the new size of a server'),
  'os_compute_api:servers:revert_resize': projectMember('Give a resized server its old size back'),
  'os_compute_api:os-rescue': projectMember('Rescue a server'),
  'os_compute_api:os-unrescue': projectMember('End the rescue of a server'),
});

const Rebuild = Type.Object(
  {
    imageRef: Type.String({ minLength: 1, maxLength: 255 }),
    name: Type.Optional(Name),
    adminPass: Type.Optional(AdminPass),
    metadata: Type.Optional(Metadata),
    preserve_ephemeral: Type.Optional(BooleanLike),
    'OS-DCF:diskConfig': Type.Optional(DiskConfig),
    accessIPv4: Type.Optional(AccessAddress),
    accessIPv6: Type.Optional(AccessAddress),
    personality: Type.Optional(Personality),
    description: Type.Optional(Description),
    key_name: Type.Optional(Type.Union([Type.Null(), Type.String({ minLength: 1, maxLength: 255 })])),
    user_data: Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: 65_535 })])),
    trusted_image_certificates: Type.Optional(Type.Null()),
    hostname: Type.Optional(Hostname),
  },
  closed,
);

export const diskActions = {
  rebuild: action({
    rule: diskActionPolicy['os_compute_api:servers:rebuild'],
    value: Rebuild,
    async run({ deps, ctx, id, value, version, h }) {
      refuseBefore(version, value, {
        description: [2, 19],
        key_name: [2, 54],
        user_data: [2, 57],
        trusted_image_certificates: [2, 63],
        hostname: [2, 90],
      });
      if (since(version, 2, 57) && value.personality !== undefined)
        throw new BadRequest('Invalid input for field/attribute rebuild: unexpected personality.');
      if (value.preserve_ephemeral !== undefined && isYes(value.preserve_ephemeral))
        throw new BadRequest('The current driver does not support preserving ephemeral partitions.');
      const adminPassword = value.adminPass ?? makePassword();
      const server = await rebuildServer(deps, ctx, id, {
        imageId: value.imageRef,
        adminPassword,
        name: value.name,
        hostname: checkHostname(version, value.hostname),
        description: value.description,
        metadata: value.metadata,
        accessIpv4: accessAddress(value.accessIPv4, 4),
        accessIpv6: accessAddress(value.accessIPv6, 6),
        diskConfig: value['OS-DCF:diskConfig'],
        keyName: value.key_name,
        userData: value.user_data === undefined ? undefined : userData(value.user_data),
        personality: value.personality && personality(value.personality),
      });
      const view = await changedServerView(deps, ctx, version, server, 'rebuild');
      return h
        .response({ server: { ...view, adminPass: adminPassword } })
        .code(202)
        .header('location', linksOf(deps.url, `servers/${server.id}`)[0]?.href ?? '');
    },
  }),
  rescue: action({
    rule: diskActionPolicy['os_compute_api:os-rescue'],
    value: Type.Union([
      Type.Null(),
      Type.Object({ adminPass: Type.Optional(AdminPass), rescue_image_ref: Type.Optional(Uuid) }, closed),
    ]),
    async run({ deps, ctx, id, value, h }) {
      const adminPassword = value?.adminPass ?? makePassword();
      await rescueServer(deps, ctx, id, { imageId: value?.rescue_image_ref, adminPassword });
      return h.response({ adminPass: adminPassword });
    },
  }),
  unrescue: action({
    rule: diskActionPolicy['os_compute_api:os-unrescue'],
    value: Anything,
    run: ({ deps, ctx, id }) => unrescueServer(deps, ctx, id),
  }),
  resize: action({
    rule: diskActionPolicy['os_compute_api:servers:resize'],
    value: Type.Object(
      {
        flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
      },
      closed,
    ),
    dryRun: ({ deps, ctx, id }, run) => tellMove(deps, ctx, id, run),
    run: ({ deps, ctx, id, value }) => resizeServer(deps, ctx, id, String(value.flavorRef), value['OS-DCF:diskConfig']),
  }),
  liveResize: action({
    rule: diskActionPolicy['os_compute_api:servers:resize'],
    value: Type.Object(
      { flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]) },
      closed,
    ),
    run: ({ deps, ctx, id, value }) => liveResizeServer(deps, ctx, id, String(value.flavorRef)),
    dryRun: ({ deps, ctx, id }, run) => tellMove(deps, ctx, id, run),
  }),
  confirmResize: action({
    rule: diskActionPolicy['os_compute_api:servers:confirm_resize'],
    value: Anything,
    async run({ deps, ctx, id, h }) {
      await confirmResize(deps, ctx, id);
      return h.response().code(204);
    },
  }),
  revertResize: action({
    rule: diskActionPolicy['os_compute_api:servers:revert_resize'],
    value: Anything,
    run: ({ deps, ctx, id }) => revertResize(deps, ctx, id),
  }),
};
