import { type Static, Type } from 'typebox';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { isoSeconds } from '../../common/http/time.ts';
import { validator } from '../../common/http/validate.ts';
import { type EditableImage, type Image, visibilities } from '../images/image.ts';
import { containerFormats, diskFormats } from '../inspection/inspector.ts';

const oneOf = <const T extends readonly string[]>(values: T) => Type.Enum([...values] as T[number][]);
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });

/** What a client may write of an image; every further key is a property of the client's own. */
export const editableFields = {
  name: Type.Optional(nullable(Type.String({ maxLength: 255, description: 'Descriptive name for the image' }))),
  visibility: Type.Optional(oneOf(visibilities)),
  protected: Type.Optional(Type.Boolean({ description: 'If true, image will not be deletable.' })),
  os_hidden: Type.Optional(
    Type.Boolean({ description: 'If true, image will not appear in default image list response.' }),
  ),
  tags: Type.Optional(
    Type.Array(Type.String({ maxLength: 255 }), { description: 'List of strings related to the image' }),
  ),
  container_format: Type.Optional(nullable(oneOf(containerFormats))),
  disk_format: Type.Optional(nullable(oneOf(diskFormats))),
  min_disk: Type.Optional({ ...count, description: 'Amount of disk space (in GB) required to boot image.' }),
  min_ram: Type.Optional({ ...count, description: 'Amount of ram (in MB) required to boot image.' }),
  owner: Type.Optional(Type.String({ maxLength: 255, minLength: 1, description: 'Owner of the image' })),
};

const propertyValue = Type.String({ maxLength: 65535 });

export const ImageDocument = Type.Object(editableFields, { additionalProperties: propertyValue });
export const NewImageDocument = Type.Object(
  { ...editableFields, id: Type.Optional(Type.String({ format: 'uuid', description: 'An identifier for the image' })) },
  { additionalProperties: propertyValue },
);
export type ImageDocument = Static<typeof ImageDocument>;

const checkDocument = validator(ImageDocument, 'body');

/** What only the service writes; a client's word about it is refused, so no data can be passed off as other data. */
const readOnly = new Set([
  ...['status', 'checksum', 'size', 'virtual_size', 'os_hash_algo', 'os_hash_value', 'created_at', 'updated_at'],
  ...['direct_url', 'self', 'file', 'schema', 'stores'],
]);
const reserved = new Set(['location', 'locations', 'deleted', 'deleted_at']);
const internalPrefix = 'os_glance';

export const isEditableField = (key: string): boolean => Object.hasOwn(editableFields, key);

/** Throws `Forbidden` for a key that no client may write, as Glance does, and `BadRequest` for one that cannot be a name. */
export function checkWritable(key: string): void {
  if (readOnly.has(key)) throw new Forbidden(`Attribute '${key}' is read-only.`);
  if (reserved.has(key) || key.startsWith(internalPrefix)) throw new Forbidden(`Attribute '${key}' is reserved.`);
  if (key === '' || key.length > 255) throw new BadRequest('The name of a property has 1 to 255 characters.');
}

/** The client's side of an image as JSON. */
export function documentOf(image: EditableImage): Record<string, unknown> {
  return {
    ...image.properties,
    name: image.name,
    visibility: image.visibility,
    protected: image.isProtected,
    os_hidden: image.isHidden,
    tags: image.tags,
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: image.minDiskGib,
    min_ram: image.minRamMib,
    owner: image.owner,
  };
}

/** Throws `BadRequest` that names the field, and what `checkWritable` throws. Fields that are absent stay as in `base`. */
export function applyDocument(base: EditableImage, document: Record<string, unknown>): EditableImage {
  for (const key of Object.keys(document)) checkWritable(key);
  const checked = checkDocument(document) as ImageDocument; // the validator has just made sure of it
  const extra = Object.entries(checked).filter(([key]) => !isEditableField(key)) as [string, string][];
  return {
    owner: checked.owner ?? base.owner,
    name: checked.name === undefined ? base.name : checked.name,
    diskFormat: checked.disk_format === undefined ? base.diskFormat : checked.disk_format,
    containerFormat: checked.container_format === undefined ? base.containerFormat : checked.container_format,
    visibility: checked.visibility ?? base.visibility,
    minDiskGib: checked.min_disk ?? base.minDiskGib,
    minRamMib: checked.min_ram ?? base.minRamMib,
    isProtected: checked.protected ?? base.isProtected,
    isHidden: checked.os_hidden ?? base.isHidden,
    tags: checked.tags === undefined ? base.tags : [...new Set(checked.tags)].sort(),
    properties: Object.fromEntries(extra),
  };
}

/** The JSON of the Image API: one flat object. */
export function imageView(image: Image) {
  return {
    ...image.properties,
    ...importView(image),
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    protected: image.isProtected,
    os_hidden: image.isHidden,
    owner: image.owner,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    min_disk: image.minDiskGib,
    min_ram: image.minRamMib,
    size: image.sizeBytes,
    virtual_size: image.virtualSizeBytes,
    checksum: image.md5,
    os_hash_algo: image.sha512 === null ? null : 'sha512',
    os_hash_value: image.sha512,
    tags: image.tags,
    created_at: isoSeconds(image.createdAt),
    updated_at: isoSeconds(image.updatedAt),
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
    ...(image.stores.length > 0 && { stores: image.stores.join(',') }),
  };
}

/** Glance's properties of an image that was imported, or is being. */
function importView({ importTaskId, importingStores, failedStores }: Image) {
  if (importingStores === null) return {};
  return {
    os_glance_importing_to_stores: importingStores.join(','),
    os_glance_failed_import: failedStores.join(','),
    ...(importTaskId !== null && { os_glance_import_task: importTaskId }),
  };
}
