/** `block_device_mapping_v2`, of which there is what needs no volumes (nova/block_device.py). */
import { type Static, Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import type { LocalDisk } from '../drivers/driver.ts';
import type { AskedDisks } from '../servers/local-disks.ts';
import { BooleanLike, Count, closed, Tag } from './fields.ts';

const orNull = Type.Null();
const text = () => Type.Optional(Type.Union([Type.String({ maxLength: 255 }), orNull]));
const words = (...some: string[]) => Type.Union(some.map((word) => Type.Literal(word)));

export const BlockDevice = Type.Object(
  {
    boot_index: Type.Optional(Type.Union([Type.Integer(), orNull, Type.String({ pattern: '^-?[0-9]{1,9}$' })])),
    uuid: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), orNull])),
    image_id: Type.Optional(Type.String({ maxLength: 255 })),
    volume_id: Type.Optional(Type.String({ maxLength: 255 })),
    snapshot_id: Type.Optional(Type.String({ maxLength: 255 })),
    source_type: words('volume', 'image', 'snapshot', 'blank'),
    destination_type: Type.Optional(words('local', 'volume')),
    delete_on_termination: Type.Optional(BooleanLike),
    no_device: Type.Optional(Type.Union([BooleanLike, orNull])),
    volume_size: Type.Optional(Type.Union([Count(0), orNull, Type.Literal('')])),
    guest_format: text(),
    device_name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' })),
    disk_bus: text(),
    device_type: text(),
    volume_type: text(),
    tag: Type.Optional(Tag),
  },
  closed,
);

type Asked = Static<typeof BlockDevice>;

/** Of one server: the root disk, and those beside it. */
const mostDisks = 8;

/** The image that the server starts from, when the devices say so, and the disks that it has. Throws `BadRequest`. */
export function blockDevices(version: Version, devices: readonly Asked[]): { imageId?: string; disks: AskedDisks } {
  const disks: AskedDisks = { rootTag: null, ephemeral: [], swap: [] };
  let imageId: string | undefined;
  if (devices.length > mostDisks) throw invalid('You specified more local devices than the limit allows');
  refuseRepeatedTags(devices);
  for (const device of devices.filter(({ no_device: none }) => none === undefined || none === null)) {
    checkDevice(version, device);
    const tag = device.tag ?? null;
    if (device.source_type === 'image') {
      if (bootIndexOf(device) !== 0) throw invalid('Mapping image to local is not supported.');
      if (imageId !== undefined) throw noSequence();
      imageId = device.uuid ?? device.image_id ?? undefined;
      if (imageId === undefined) throw invalid('Missing device UUID.');
      disks.rootTag = tag;
    } else if (device.guest_format === 'swap') disks.swap.push({ sizeMib: sizeOf(device), tag });
    else disks.ephemeral.push({ sizeGib: sizeOf(device), format: formatOf(device), tag });
  }
  return { imageId, disks };
}

/** Each thing that there is no such disk for. */
function checkDevice(version: Version, device: Asked): void {
  const { source_type: source, destination_type: destination, disk_bus: bus, device_type: type } = device;
  if (source === 'volume' || source === 'snapshot' || destination === 'volume')
    throw invalid(`there are no volumes: a source_type ${source} with destination_type ${destination} cannot be had.`);
  if (device.volume_type) throw invalid('Specifying a volume_type with destination_type=local is not supported.');
  if (source === 'blank' && device.uuid) throw invalid('Invalid device UUID.');
  if (source === 'blank' && bootIndexOf(device) >= 0) throw noSequence();
  if (bus && bus !== 'virtio') throw invalid(`disk_bus ${bus} is not supported for a single disk.`);
  if (type && type !== 'disk') throw invalid(`device_type ${type} is not supported.`);
  const takesTags = since(version, 2, 42) || (since(version, 2, 32) && !since(version, 2, 33));
  if (device.tag !== undefined && !takesTags)
    throw new BadRequest('Invalid input for field/attribute block_device_mapping_v2: unexpected tag.');
}

function bootIndexOf({ boot_index: index }: Asked): number {
  return index === null || index === undefined ? -1 : Number(index);
}

function sizeOf({ volume_size: size }: Asked): number | null {
  return size === undefined || size === null || size === '' || Number(size) === 0 ? null : Number(size);
}

function formatOf({ guest_format: format }: Asked): LocalDisk['format'] {
  if (!format) return 'ext4';
  const known = (['ext2', 'ext3', 'ext4', 'vfat'] as const).find((one) => one === format);
  if (known === undefined)
    throw invalid(`guest_format ${format} is not supported: ext2, ext3, ext4, vfat and swap are.`);
  return known;
}

function refuseRepeatedTags(devices: readonly Asked[]): void {
  const tags = devices.flatMap(({ tag }) => tag ?? []);
  if (new Set(tags).size < tags.length) throw invalid('a tag is that of one device only.');
}

function noSequence(): BadRequest {
  return invalid('Boot sequence for the instance and image/block device mapping combination is not valid.');
}

function invalid(details: string): BadRequest {
  return new BadRequest(`Block Device Mapping is Invalid: ${details}`);
}
