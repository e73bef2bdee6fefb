import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';
import { shippedNamespaces, shippedResourceTypes } from '../metadefs/definitions/shipped.ts';

/**
 * What people may say of images, flavors and the like, and the definitions that every cloud begins with. Those are written here
 * once: what administrators make of them afterwards stays.
 */
export const createMetadefs: Migration = {
  name: 'image/0005-metadefs',
  async up(db) {
    await db.raw(`
      create table metadef_namespaces (
        id uuid primary key default gen_random_uuid(),
        namespace text not null check (char_length(namespace) between 1 and 80),
        display_name text,
        description text,
        visibility text not null check (visibility in ('public', 'private')),
        is_protected boolean not null,
        owner text not null,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        sort_display_name text not null generated always as (coalesce(display_name, '')) stored,
        constraint metadef_namespaces_name unique (namespace)
      );
      create index metadef_namespaces_owner on metadef_namespaces (owner);
      create index metadef_namespaces_created_at on metadef_namespaces (created_at desc, namespace desc);

      create table metadef_resource_types (
        name text primary key check (char_length(name) between 1 and 80),
        is_shipped boolean not null default false,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now()
      );

      create table metadef_associations (
        namespace_id uuid not null references metadef_namespaces on delete cascade,
        name text not null references metadef_resource_types,
        prefix text,
        properties_target text,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        primary key (namespace_id, name)
      );
      create index metadef_associations_name on metadef_associations (name);

      create table metadef_objects (
        namespace_id uuid not null references metadef_namespaces on delete cascade,
        name text not null check (char_length(name) between 1 and 80),
        description text,
        required text[] not null,
        properties jsonb not null,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        primary key (namespace_id, name)
      );

      create table metadef_properties (
        namespace_id uuid not null references metadef_namespaces on delete cascade,
        name text not null check (char_length(name) between 1 and 80),
        schema jsonb not null,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        primary key (namespace_id, name)
      );

      create table metadef_tags (
        namespace_id uuid not null references metadef_namespaces on delete cascade,
        name text not null check (char_length(name) between 1 and 80),
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        primary key (namespace_id, name)
      );
    `);
    await writeShipped(db);
  },
};

/** The owner of what came with the program, as in Glance: no project has this id. */
const owner = 'admin';

/** In the columns of this migration, whatever later ones make of them. */
async function writeShipped(db: Knex): Promise<void> {
  await db('metadef_resource_types').insert(shippedResourceTypes.map((name) => ({ name, is_shipped: true })));
  for (const { namespace, displayName, description, appliesTo, properties = {}, objects = [] } of shippedNamespaces) {
    const [row] = await db('metadef_namespaces')
      .insert({
        namespace,
        display_name: displayName,
        description,
        visibility: 'public',
        is_protected: true,
        owner,
      })
      .returning('id');
    const inIt = { namespace_id: row.id };
    await db('metadef_associations').insert(
      appliesTo.map(({ name, prefix = null, propertiesTarget = null }) => ({
        ...inIt,
        name,
        prefix,
        properties_target: propertiesTarget,
      })),
    );
    for (const [name, schema] of Object.entries(properties))
      await db('metadef_properties').insert({ ...inIt, name, schema: JSON.stringify(schema) });
    for (const object of objects)
      await db('metadef_objects').insert({
        ...inIt,
        name: object.name,
        description: object.description,
        required: [],
        properties: JSON.stringify(object.properties),
      });
  }
}
