/** What clients write of metadata definitions, as Glance takes it (glance/api/v2/metadef_*.py and its model/). */
import { type Static, type TSchema, Type } from 'typebox';
import { Forbidden } from '../../common/errors.ts';
import type {
  Association,
  Contents,
  EditableNamespace,
  ObjectDefinition,
  PropertyDefinition,
  PropertySchema,
} from '../metadefs/definition.ts';

const name = Type.String({ minLength: 1, maxLength: 80 });
const text = Type.String({ maxLength: 65535 });
const texts = Type.Array(text, { uniqueItems: true });
const count = Type.Integer({ minimum: 0, maximum: 2 ** 53 - 1 });
const type = Type.Enum(['array', 'boolean', 'integer', 'number', 'object', 'string']);
const strict = { additionalProperties: false } as const;
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const time = { type: 'string', format: 'date-time', readOnly: true };

/** What only the service says: `Forbidden` to clients, save inside a namespace, where an export of one has it. */
const written = ['self', 'schema', 'created_at', 'updated_at'] as const;

export const propertyFields = {
  type,
  title: text,
  description: optional(text),
  operators: optional(Type.Array(text)),
  default: optional(Type.Union([text, Type.Number(), Type.Boolean()])),
  readonly: optional(Type.Boolean()),
  confidential: optional(Type.Boolean()),
  minimum: optional(Type.Number()),
  maximum: optional(Type.Number()),
  enum: optional(Type.Array(text)),
  pattern: optional(text),
  minLength: optional(count),
  maxLength: optional(count),
  items: optional(Type.Object({ type, enum: optional(Type.Array(text)) }, strict)),
  uniqueItems: optional(Type.Boolean()),
  minItems: optional(count),
  maxItems: optional(count),
  additionalItems: optional(Type.Boolean()),
};

/** Under its name; a name in it as well says nothing more. */
const NestedProperty = Type.Object({ name: optional(name), ...propertyFields }, strict);
type NestedProperty = Static<typeof NestedProperty>;
export const Properties = Type.Unsafe<Record<string, NestedProperty>>({
  type: 'object',
  additionalProperties: NestedProperty,
  propertyNames: name,
});

export const objectFields = {
  name,
  description: optional(text),
  required: optional(texts),
  properties: optional(Properties),
};

export const tagFields = { name };

export const associationFields = {
  name,
  prefix: optional(Type.String({ maxLength: 80 })),
  properties_target: optional(Type.String({ maxLength: 80 })),
};

const nested = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Array(Type.Object({ ...fields, ...ofTheService(text) }, strict));

export const namespaceFields = {
  namespace: Type.String({ minLength: 1, maxLength: 80, description: 'The unique namespace text.' }),
  display_name: optional(Type.String({ maxLength: 80, description: 'The name for people.' })),
  description: optional(Type.String({ maxLength: 500, description: 'What the namespace is for.' })),
  visibility: optional(Type.Enum(['public', 'private'], { description: 'Scope of namespace accessibility.' })),
  protected: optional(Type.Boolean({ description: 'If true, namespace will not be deletable.' })),
  owner: optional(Type.String({ minLength: 1, maxLength: 255, description: 'Owner of the namespace.' })),
  resource_type_associations: optional(nested(associationFields)),
  properties: optional(Properties),
  objects: optional(nested(objectFields)),
  tags: optional(nested(tagFields)),
};

function ofTheService<T extends TSchema>(schema: T) {
  return {
    self: optional(schema),
    schema: optional(schema),
    created_at: optional(schema),
    updated_at: optional(schema),
  };
}

/** The service's own fields as a schema of what is answered says them. */
export const answeredFields = {
  self: { type: 'string', readOnly: true },
  schema: { type: 'string', readOnly: true },
  created_at: time,
  updated_at: time,
};

const body = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object({ ...fields, ...ofTheService(Type.Unknown()) }, strict);

export const NamespaceBody = body(namespaceFields);
export const ObjectBody = body(objectFields);
export const PropertyBody = body({ name, ...propertyFields });
export const AssociationBody = body(associationFields);
export const TagBody = body(tagFields);
export const TagsBody = body({ tags: optional(Type.Array(Type.Object(tagFields, strict))) });

/** Throws `Forbidden` for a field that only the service writes, as Glance does. */
export function refuseReadOnly(asked: object): void {
  for (const key of written) if (Object.hasOwn(asked, key)) throw new Forbidden(`Attribute '${key}' is read-only.`);
}

export function namespaceOf(asked: Static<typeof NamespaceBody>, owner: string): EditableNamespace {
  return {
    name: asked.namespace,
    displayName: asked.display_name ?? null,
    description: asked.description ?? null,
    visibility: asked.visibility ?? 'private',
    isProtected: asked.protected ?? false,
    owner: asked.owner ?? owner,
  };
}

export function contentsOf(asked: Static<typeof NamespaceBody>): Contents {
  const properties = Object.entries(asked.properties ?? {});
  return {
    associations: (asked.resource_type_associations ?? []).map(associationOf),
    objects: (asked.objects ?? []).map(objectOf),
    properties: properties.map(([name, schema]) => ({ name, schema: schemaOf(schema) })),
    tags: (asked.tags ?? []).map(({ name }) => ({ name })),
  };
}

export function associationOf(asked: { name: string; prefix?: string; properties_target?: string }): Association {
  return { name: asked.name, prefix: asked.prefix ?? null, propertiesTarget: asked.properties_target ?? null };
}

export function objectOf(asked: {
  name: string;
  description?: string;
  required?: string[];
  properties?: Record<string, NestedProperty>;
}): ObjectDefinition {
  const properties = Object.entries(asked.properties ?? {});
  return {
    name: asked.name,
    description: asked.description ?? null,
    required: asked.required ?? [],
    properties: Object.fromEntries(properties.map(([key, schema]) => [key, schemaOf(schema)])),
  };
}

export function propertyOf(asked: Static<typeof PropertyBody>): PropertyDefinition {
  return { name: asked.name, schema: schemaOf(asked) };
}

/** The fields of a schema and nothing else. A default is a text, as Glance makes it one. */
function schemaOf(asked: NestedProperty): PropertySchema {
  const known = Object.entries(asked).filter(([key]) => Object.hasOwn(propertyFields, key));
  const schema = Object.fromEntries(known) as unknown as PropertySchema; // checked by the route's body schema
  if (asked.default !== undefined) schema.default = textOf(asked.default);
  return schema;
}

/** As Python prints it. */
function textOf(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}
