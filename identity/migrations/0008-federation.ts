import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';
import { watchTable } from './0002-epoch-and-groups.ts';

export const federation: Migration = {
  name: 'identity/0008-federation',
  async up(db: Knex) {
    await db.schema.createTable('identity_providers', (t) => {
      t.text('id').primary();
      t.text('domain_id').notNullable().references('domains.id').onDelete('CASCADE').index();
      t.boolean('enabled').notNullable();
      t.text('description');
      t.integer('authorization_ttl').checkPositive(); // minutes
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('identity_provider_remote_ids', (t) => {
      t.text('remote_id').primary();
      t.text('identity_provider_id').notNullable().references('identity_providers.id').onDelete('CASCADE').index();
    });
    await db.schema.createTable('federation_mappings', (t) => {
      t.text('id').primary();
      t.json('rules').notNullable(); // not jsonb: it is shown as it was written
      t.text('schema_version').notNullable();
    });
    await db.schema.createTable('federation_protocols', (t) => {
      t.text('identity_provider_id').notNullable().references('identity_providers.id').onDelete('CASCADE');
      t.text('id').notNullable();
      t.text('mapping_id').notNullable(); // no foreign key: Keystone lets a mapping go before its protocols
      t.text('remote_id_attribute');
      t.primary(['identity_provider_id', 'id']);
    });
    await db.schema.createTable('service_providers', (t) => {
      t.text('id').primary();
      t.boolean('enabled').notNullable();
      t.text('description');
      t.text('auth_url').notNullable();
      t.text('sp_url').notNullable();
      t.text('relay_state_prefix').notNullable();
    });
    await watchTable(db, 'service_providers'); // a token's view lists them

    await db.schema.createTable('federated_users', (t) => {
      t.text('identity_provider_id').notNullable();
      t.text('protocol_id').notNullable();
      t.text('unique_id').notNullable(); // whom the mapping says it is there
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE').index();
      t.primary(['identity_provider_id', 'protocol_id', 'unique_id']);
      t.foreign(['identity_provider_id', 'protocol_id'])
        .references(['identity_provider_id', 'id'])
        .inTable('federation_protocols')
        .onDelete('CASCADE');
    });
    // The groups of a user's latest login, while they count for what the user makes of it (authorization_ttl).
    await db.schema.createTable('federated_group_members', (t) => {
      t.text('user_id').notNullable().references('users.id').onDelete('CASCADE');
      t.text('group_id').notNullable().references('groups.id').onDelete('CASCADE').index();
      t.text('identity_provider_id').notNullable().references('identity_providers.id').onDelete('CASCADE').index();
      t.timestamp('expires_at').notNullable();
      t.primary(['user_id', 'identity_provider_id', 'group_id']);
    });
    await watchTable(db, 'federated_group_members');

    // A user made by a login elsewhere. Their name is what they are called there, which may be the name of another here;
    // nobody is found by such a name, so it needs not be unique.
    await db.schema.alterTable('users', (t) => {
      t.boolean('is_shadow').notNullable().defaultTo(false);
      t.dropUnique(['domain_id', 'name']);
    });
    await db.raw('create unique index users_domain_id_name_unique on users (domain_id, name) where not is_shadow');
  },
};
