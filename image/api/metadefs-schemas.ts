import { route } from '../../common/http/route.ts';
import { imagePolicy } from '../images/policy.ts';
import {
  answeredFields,
  associationFields,
  namespaceFields,
  objectFields,
  propertyFields,
  tagFields,
} from './metadefs-fields.ts';

const text = { type: 'string' };
const { created_at, updated_at } = answeredFields;

const item = (name: string, required: string[], properties: object) => ({
  name,
  properties,
  additionalProperties: false,
  required,
});

const namespace = item('namespace', ['namespace'], { ...namespaceFields, ...answeredFields });
const object = item('object', ['name'], { ...objectFields, ...answeredFields });
const property = item('property', ['type', 'title', 'name'], { name: tagFields.name, ...propertyFields });
const tag = item('tag', ['name'], { ...tagFields, created_at, updated_at });
const association = item('resource_type_association', ['name'], { ...associationFields, created_at, updated_at });

const links = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
  { rel: 'describedby', href: '{schema}' },
];

/** What a list of a kind looks like. */
const collection = (name: string, items: object) => ({
  name,
  properties: { [name]: items, first: text, next: text, schema: text },
  links,
});
const listOf = (name: string, items: object) => collection(name, { type: 'array', items });

const schemas = {
  namespace,
  namespaces: listOf('namespaces', namespace),
  object,
  objects: listOf('objects', object),
  property,
  properties: collection('properties', {
    type: 'object',
    additionalProperties: { ...property, required: ['type', 'title'] },
  }),
  resource_type: association,
  resource_types: listOf('resource_type_associations', association),
  tag,
  tags: listOf('tags', tag),
};

/** What clients read to make and to check definitions. */
export const metadefSchemaRoutes = () =>
  Object.entries(schemas).map(([name, schema]) =>
    route({
      method: 'GET',
      path: `/v2/schemas/metadefs/${name}`,
      rule: imagePolicy.get_image_schema,
      summary: `Read the schema of ${name.replaceAll('_', ' ')} in metadata definitions`,
      status: 200,
      handler: () => schema,
    }),
  );
