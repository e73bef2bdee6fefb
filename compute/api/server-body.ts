/** Bodies that make and change servers (nova/api/openstack/compute/schemas/servers.py). */

import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { isYes } from '../../common/truth.ts';
import type { GuestPort } from '../guest-ports.ts';
import type { NewServer } from '../servers/create.ts';
import { maximumTags } from '../servers/labels.ts';
import { makePassword } from '../servers/password.ts';
import { BlockDevice, blockDevices } from './block-devices.ts';
import {
  AccessAddress,
  AdminPass,
  Count,
  closed,
  countOf,
  Description,
  DiskConfig,
  Hostname,
  Metadata,
  Name,
  Personality,
  Tag,
  Uuid,
} from './fields.ts';
import { accessAddress, checkHostname, personality, refuseBefore, userData } from './server-fields.ts';

const orNull = Type.Null();
const FlagOrText = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: '^(true|True|TRUE|false|False|FALSE|1|0|yes|no|on|off)?$' }),
]);

const Network = Type.Object(
  {
    uuid: Type.Optional(Type.Union([Uuid, orNull])),
    port: Type.Optional(Type.Union([Uuid, orNull])),
    fixed_ip: Type.Optional(Type.Union([Type.String({ maxLength: 45 }), orNull])),
    tag: Type.Optional(Tag),
  },
  closed,
);

const Servers = Type.Union([Uuid, Type.Array(Uuid, { maxItems: 100 })]);

/** Others may stand there, as Nova lets a site's own filters have theirs; but not those of its filters that are not here. */
const Hints = Type.Object({
  group: Type.Optional(Uuid),
  same_host: Type.Optional(Servers),
  different_host: Type.Optional(Servers),
});

const unhonouredHints = ['query', 'build_near_host_ip', 'cidr', 'different_cell', 'target_cell'];

export const CreateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Name,
        imageRef: Type.Optional(Type.String({ maxLength: 255 })),
        flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
        adminPass: Type.Optional(AdminPass),
        key_name: Type.Optional(Type.String({ maxLength: 255 })),
        metadata: Type.Optional(Metadata),
        user_data: Type.Optional(Type.Union([orNull, Type.String({ maxLength: 65_535 })])),
        config_drive: Type.Optional(Type.Union([orNull, FlagOrText])),
        availability_zone: Type.Optional(Name),
        networks: Type.Optional(
          Type.Union([Type.Literal('auto'), Type.Literal('none'), Type.Array(Network, { maxItems: 32 })]),
        ),
        security_groups: Type.Optional(
          Type.Array(Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, closed), { maxItems: 64 }),
        ),
        accessIPv4: Type.Optional(AccessAddress),
        accessIPv6: Type.Optional(AccessAddress),
        personality: Type.Optional(Personality),
        block_device_mapping: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 32 })),
        block_device_mapping_v2: Type.Optional(Type.Array(BlockDevice, { maxItems: 32 })),
        min_count: Type.Optional(Count(1)),
        max_count: Type.Optional(Count(1)),
        return_reservation_id: Type.Optional(FlagOrText),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
        description: Type.Optional(Description),
        tags: Type.Optional(Type.Array(Tag, { maxItems: maximumTags })),
        trusted_image_certificates: Type.Optional(orNull),
        host: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' })),
        hypervisor_hostname: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' })),
        hostname: Type.Optional(Hostname),
      },
      closed,
    ),
    'os:scheduler_hints': Type.Optional(Hints),
    'OS-SCH-HNT:scheduler_hints': Type.Optional(Hints),
  },
  closed,
);

type AskedServer = Static<typeof CreateServer>['server'];

export const UpdateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Type.Optional(Name),
        accessIPv4: Type.Optional(AccessAddress),
        accessIPv6: Type.Optional(AccessAddress),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
        description: Type.Optional(Description),
        hostname: Type.Optional(Hostname),
      },
      closed,
    ),
  },
  closed,
);

/** What is asked for, in our own words. Throws `BadRequest`. */
export function newServer(version: Version, body: Static<typeof CreateServer>): NewServer {
  const asked = body.server;
  const hints = { ...body['OS-SCH-HNT:scheduler_hints'], ...body['os:scheduler_hints'] };
  refuseBefore(version, asked, {
    description: [2, 19],
    tags: [2, 52],
    trusted_image_certificates: [2, 63],
    host: [2, 74],
    hypervisor_hostname: [2, 74],
    hostname: [2, 90],
  });
  if (since(version, 2, 57) && asked.personality !== undefined)
    throw new BadRequest('Invalid input for field/attribute server: unexpected personality.');
  refuseHints(hints);
  refuseVolumes(asked);
  const devices = blockDevices(version, asked.block_device_mapping_v2 ?? []);
  return {
    name: asked.name,
    hostname: checkHostname(version, asked.hostname) ?? null,
    description: asked.description ?? (since(version, 2, 19) ? null : asked.name),
    imageId: imageOf(asked, devices.imageId),
    disks: devices.disks,
    flavorId: String(asked.flavorRef),
    keyName: asked.key_name ?? null,
    metadata: asked.metadata ?? {},
    tags: [...new Set(asked.tags)],
    userData: userData(asked.user_data ?? null),
    adminPassword: asked.adminPass ?? makePassword(),
    hasConfigDrive: isYes(asked.config_drive),
    personality: personality(asked.personality ?? []),
    availabilityZone: asked.availability_zone ?? null,
    hostName: hostOf(asked),
    networks: networksOf(version, asked),
    securityGroups: asked.security_groups?.map(({ name }) => name),
    accessIpv4: accessAddress(asked.accessIPv4, 4) ?? '',
    accessIpv6: accessAddress(asked.accessIPv6, 6) ?? '',
    diskConfig: asked['OS-DCF:diskConfig'] ?? 'MANUAL',
    count: countsOf(asked),
    hints: {
      groupId: hints.group ?? null,
      sameHost: [hints.same_host ?? []].flat(),
      differentHost: [hints.different_host ?? []].flat(),
    },
  };
}

function refuseHints(hints: object): void {
  const name = unhonouredHints.find((one) => one in hints);
  if (name !== undefined)
    throw new BadRequest(
      `Invalid input for field/attribute ${name}: no filter here honours that scheduler hint; there are group, same_host and different_host.`,
    );
}

/** Given directly, or as the device that the server starts from. */
function imageOf({ imageRef }: AskedServer, imageId: string | undefined): string {
  const known = imageRef || imageId;
  if (!known)
    throw new BadRequest('Missing imageRef attribute: servers start from an image; there are no volumes yet.');
  if (imageId !== undefined && imageRef && imageRef !== imageId)
    throw new BadRequest('Block Device Mapping is Invalid: the boot device must be the image of the server.');
  return known;
}

/** The older form knows volumes alone. */
function refuseVolumes({ block_device_mapping: older, block_device_mapping_v2: newer }: AskedServer): void {
  if (older === undefined) return;
  throw new BadRequest(
    newer === undefined
      ? 'Block Device Mapping is Invalid: there are no volumes; block_device_mapping_v2 describes local disks.'
      : 'Using different block_device_mapping syntaxes is not allowed in the same request.',
  );
}

/** A host's node has its own name. */
function hostOf({ host, hypervisor_hostname: node }: AskedServer): string | null {
  if (host !== undefined && node !== undefined && host !== node)
    throw new BadRequest(`Compute host ${host} with node ${node} could not be found.`);
  return host ?? node ?? null;
}

function countsOf(asked: AskedServer): NewServer['count'] {
  const least = asked.min_count === undefined ? undefined : countOf(asked.min_count, { minimum: 1 });
  const most = asked.max_count === undefined ? undefined : countOf(asked.max_count, { minimum: 1 });
  if (asked.min_count !== undefined && least === undefined)
    throw new BadRequest(`Invalid input for field/attribute min_count. Value: ${asked.min_count}.`);
  if (asked.max_count !== undefined && most === undefined)
    throw new BadRequest(`Invalid input for field/attribute max_count. Value: ${asked.max_count}.`);
  return { least: least ?? 1, most: most ?? least ?? 1 };
}

/** Undefined: whichever the project has. */
function networksOf(version: Version, { networks }: AskedServer): NewServer['networks'] {
  if (since(version, 2, 37) && networks === undefined)
    throw new BadRequest("Invalid input for field/attribute server: 'networks' is a required property.");
  if (typeof networks === 'string' && !since(version, 2, 37))
    throw new BadRequest(`Invalid input for field/attribute networks. Value: ${networks}.`);
  if (networks === 'none') return [];
  if (networks === 'auto') return 'auto';
  if (networks === undefined || networks.length === 0) return undefined;
  return networks.map((network) => networkRequest(version, network));
}

function networkRequest(version: Version, asked: Static<typeof Network>): GuestPort {
  const takesTags = since(version, 2, 42) || (since(version, 2, 32) && !since(version, 2, 37));
  if (asked.tag !== undefined && !takesTags)
    throw new BadRequest('Invalid input for field/attribute networks: unexpected tag.');
  if (asked.fixed_ip && isIP(asked.fixed_ip) === 0)
    throw new BadRequest(`Invalid input for field/attribute fixed_ip. Value: ${asked.fixed_ip} is no address.`);
  if (asked.port) {
    if (asked.fixed_ip)
      throw new BadRequest(
        `Specified Fixed IP '${asked.fixed_ip}' cannot be used with port '${asked.port}': the two cannot be specified together.`,
      );
    return { portId: asked.port, tag: asked.tag };
  }
  if (!asked.uuid) throw new BadRequest("Bad network format: missing 'uuid'");
  return { networkId: asked.uuid, fixedIp: asked.fixed_ip ?? undefined, tag: asked.tag };
}
