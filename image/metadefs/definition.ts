/** Metadata definitions: what people may say of images, flavors, volumes and the like, so that forms can offer it. */

/** What a value may be, in the words of the API, which are JSON Schema's. Kept as it came and given back so. */
export interface PropertySchema {
  type: 'array' | 'boolean' | 'integer' | 'number' | 'object' | 'string';
  title: string;
  description?: string;
  operators?: string[];
  default?: string;
  readonly?: boolean;
  confidential?: boolean;
  minimum?: number;
  maximum?: number;
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  items?: { type: PropertySchema['type']; enum?: string[] };
  uniqueItems?: boolean;
  minItems?: number;
  maxItems?: number;
  additionalItems?: boolean;
}

export type PropertySchemas = Record<string, PropertySchema>;

export interface PropertyDefinition {
  name: string;
  schema: PropertySchema;
}

/** Properties that are set together. */
export interface ObjectDefinition {
  name: string;
  description: string | null;
  /** Names of those properties that have to be set. */
  required: string[];
  properties: PropertySchemas;
}

export interface TagDefinition {
  name: string;
}

/** That a namespace's properties are for things of a type, named as Heat names it (`OS::Glance::Image`). */
export interface Association {
  name: string;
  /** What a property's name begins with on such a thing (`hw_`); its separator is part of it. */
  prefix: string | null;
  /** Which of a thing's several sets of properties is meant (a volume's `image`). */
  propertiesTarget: string | null;
}

/** What a client writes of a namespace itself. */
export interface EditableNamespace {
  /** Unique in the cloud. */
  name: string;
  displayName: string | null;
  description: string | null;
  /** `private`: for its owner alone. */
  visibility: 'public' | 'private';
  /** Neither it nor what is in it can be deleted. */
  isProtected: boolean;
  /** A project's id. */
  owner: string;
}

export interface Contents {
  associations: Association[];
  objects: ObjectDefinition[];
  properties: PropertyDefinition[];
  tags: TagDefinition[];
}

export type Stored<T> = T & { createdAt: Date; updatedAt: Date };

export type Namespace = Stored<EditableNamespace> & { id: string };

export type StoredContents = { [K in keyof Contents]: Stored<Contents[K][number]>[] };

/**
 * The contents with names as they are on things of that type; as they are where it is not associated or has no prefix
 * (glance/api/v2/metadef_namespaces.py, `_prefix_property_name`).
 */
export function prefixedFor(resourceType: string, contents: StoredContents): StoredContents {
  const prefix = contents.associations.find(({ name }) => name === resourceType)?.prefix ?? '';
  if (prefix === '') return contents;
  return {
    ...contents,
    properties: contents.properties.map((property) => ({ ...property, name: prefix + property.name })),
    objects: contents.objects.map((object) => ({
      ...object,
      required: object.required.map((name) => prefix + name),
      properties: Object.fromEntries(
        Object.entries(object.properties).map(([name, schema]) => [prefix + name, schema]),
      ),
    })),
  };
}
