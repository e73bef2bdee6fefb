/** The JSON of metadata definitions. What is not set is left out, as Glance does. */
import { isoSeconds } from '../../common/http/time.ts';
import type {
  Association,
  Namespace,
  ObjectDefinition,
  PropertyDefinition,
  Stored,
  StoredContents,
  TagDefinition,
} from '../metadefs/definition.ts';
import type { ResourceType } from '../metadefs/resource-types.ts';

export const namespacesPath = '/v2/metadefs/namespaces';
const schemas = '/v2/schemas/metadefs';

const given = <T>(key: string, value: T | null) => (value === null ? {} : { [key]: value });
const times = ({ createdAt, updatedAt }: { createdAt: Date; updatedAt: Date }) => ({
  created_at: isoSeconds(createdAt),
  updated_at: isoSeconds(updatedAt),
});

export function namespaceView(namespace: Namespace & Partial<StoredContents>) {
  const { associations = [], objects = [], properties = [], tags = [] } = namespace;
  return {
    namespace: namespace.name,
    ...given('display_name', namespace.displayName),
    ...given('description', namespace.description),
    visibility: namespace.visibility,
    protected: namespace.isProtected,
    owner: namespace.owner,
    ...times(namespace),
    self: `${namespacesPath}/${namespace.name}`,
    schema: `${schemas}/namespace`,
    ...(associations.length > 0 && { resource_type_associations: associations.map(associationView) }),
    ...(objects.length > 0 && { objects: objects.map((object) => objectView(namespace.name, object)) }),
    ...(properties.length > 0 && { properties: propertiesView(properties) }),
    ...(tags.length > 0 && { tags: tags.map(({ name }) => ({ name })) }),
  };
}

export function objectView(namespaceName: string, object: Stored<ObjectDefinition>) {
  return {
    name: object.name,
    ...given('description', object.description),
    required: object.required,
    properties: object.properties,
    ...times(object),
    self: `${namespacesPath}/${namespaceName}/objects/${object.name}`,
    schema: `${schemas}/object`,
  };
}

export function propertyView({ name, schema }: PropertyDefinition) {
  return { ...schema, name };
}

/** By name. */
export function propertiesView(properties: PropertyDefinition[]) {
  return Object.fromEntries(properties.map(({ name, schema }) => [name, schema]));
}

export function associationView(association: Stored<Association>) {
  return {
    name: association.name,
    ...given('prefix', association.prefix),
    ...given('properties_target', association.propertiesTarget),
    ...times(association),
  };
}

export function tagView(tag: Stored<TagDefinition>) {
  return { name: tag.name, ...times(tag) };
}

export function resourceTypeView(type: ResourceType) {
  return { name: type.name, ...times(type) };
}
