import { route } from '../../common/http/route.ts';
import { imageStatuses } from '../images/image.ts';
import { imagePolicy } from '../images/policy.ts';
import { editableFields } from './document.ts';
import { briefTaskSchema, taskSchema } from './tasks.ts';

const text = { type: 'string' };
const orNull = (schema: object & { type: string }) => ({ ...schema, type: ['null', schema.type] });
const time = { ...text, format: 'date-time', readOnly: true };
const written = (description: string, schema: object = text) => ({ ...schema, readOnly: true, description });

/** What clients read to tell an image's own fields from properties (Glance's /v2/schemas/image). */
const imageSchema = {
  name: 'image',
  properties: {
    id: { ...text, description: 'An identifier for the image' },
    ...editableFields,
    status: written('Status of the image', { ...text, enum: [...imageStatuses] }),
    size: written('Size of image file in bytes', orNull({ type: 'integer' })),
    virtual_size: written('Virtual size of image in bytes', orNull({ type: 'integer' })),
    checksum: written('md5 hash of image contents.', orNull(text)),
    os_hash_algo: written('Algorithm to calculate the os_hash_value', orNull(text)),
    os_hash_value: written('Hexdigest of the image contents using the algorithm os_hash_algo', orNull(text)),
    created_at: { ...time, description: 'Date and time of image registration' },
    updated_at: { ...time, description: 'Date and time of the last image modification' },
    self: written('An image self url'),
    file: written('An image file url'),
    schema: written('An image schema url'),
    stores: written('Store in which image data resides. May be a comma-separated list of store identifiers.'),
  },
  additionalProperties: text,
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
};

const memberSchema = {
  name: 'member',
  properties: {
    member_id: { ...text, description: 'An identifier for the image member (project)' },
    image_id: { ...text, description: 'An identifier for the image' },
    status: { ...text, description: 'The status of this image member', enum: ['pending', 'accepted', 'rejected'] },
    created_at: time,
    updated_at: time,
    schema: { ...text, readOnly: true },
  },
};

/** A page of things of one schema. */
const collectionOf = (name: string, item: object) => ({
  name,
  properties: { [name]: { type: 'array', items: item }, first: text, next: text, schema: text },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const schemas = {
  image: imageSchema,
  images: collectionOf('images', imageSchema),
  member: memberSchema,
  members: collectionOf('members', memberSchema),
  task: taskSchema,
  tasks: collectionOf('tasks', briefTaskSchema),
};

export const schemaRoutes = () =>
  Object.entries(schemas).map(([name, schema]) =>
    route({
      method: 'GET',
      path: `/v2/schemas/${name}`,
      rule: imagePolicy.get_image_schema,
      summary: `Read the schema of ${name}`,
      status: 200,
      handler: () => schema,
    }),
  );
