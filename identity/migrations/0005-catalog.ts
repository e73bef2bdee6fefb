import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';
import { watchTable } from './0002-epoch-and-groups.ts';

/** What the catalog of a token is made from. */
const watched = ['regions', 'services', 'endpoints', 'project_endpoints', 'endpoint_groups', 'project_endpoint_groups'];

/** Largest value of a limit that keystone's API knows; -1 is no limit. */
const mostOfAnything = 2 ** 31 - 1;

export const catalog: Migration = {
  name: 'identity/0005-catalog',
  async up(db: Knex) {
    await db.schema.createTable('regions', (t) => {
      t.text('id').primary();
      t.text('parent_region_id').references('regions.id').onDelete('CASCADE').index();
      t.text('description').notNullable().defaultTo('');
      t.jsonb('extra').notNullable().defaultTo('{}');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('services', (t) => {
      t.text('id').primary();
      t.text('type').notNullable().index();
      t.text('name').notNullable().defaultTo('');
      t.boolean('enabled').notNullable().defaultTo(true);
      t.jsonb('extra').notNullable().defaultTo('{}');
      t.boolean('is_ours').notNullable().defaultTo(false); // kept by the process: see catalog/own-services.ts
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('endpoints', (t) => {
      t.text('id').primary();
      t.text('service_id').notNullable().references('services.id').onDelete('CASCADE').index();
      t.text('region_id').references('regions.id').index(); // a region with endpoints is not deleted
      t.text('interface').notNullable().checkIn(['public', 'internal', 'admin']);
      t.text('url').notNullable(); // may be a template: see catalog/url-template.ts
      t.boolean('enabled').notNullable().defaultTo(true);
      t.jsonb('extra').notNullable().defaultTo('{}');
      t.boolean('is_ours').notNullable().defaultTo(false);
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });

    await db.schema.createTable('project_endpoints', (t) => {
      t.text('project_id').notNullable().references('projects.id').onDelete('CASCADE');
      t.text('endpoint_id').notNullable().references('endpoints.id').onDelete('CASCADE').index();
      t.primary(['project_id', 'endpoint_id']);
    });
    await db.schema.createTable('endpoint_groups', (t) => {
      t.text('id').primary();
      t.text('name').notNullable();
      t.text('description');
      t.jsonb('filters').notNullable(); // an endpoint is in the group when each of these attributes is its own
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('project_endpoint_groups', (t) => {
      t.text('project_id').notNullable().references('projects.id').onDelete('CASCADE');
      t.text('endpoint_group_id').notNullable().references('endpoint_groups.id').onDelete('CASCADE').index();
      t.primary(['project_id', 'endpoint_group_id']);
    });

    await db.schema.createTable('policies', (t) => {
      t.text('id').primary();
      t.text('type').notNullable();
      t.text('blob').notNullable();
      t.jsonb('extra').notNullable().defaultTo('{}');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
    });
    await db.schema.createTable('policy_associations', (t) => {
      t.text('policy_id').notNullable().references('policies.id').onDelete('CASCADE').index();
      t.text('endpoint_id').references('endpoints.id').onDelete('CASCADE');
      t.text('service_id').references('services.id').onDelete('CASCADE');
      t.text('region_id').references('regions.id').onDelete('CASCADE');
      t.check('num_nonnulls(endpoint_id, service_id) = 1', [], 'one_kind');
      t.check('region_id is null or service_id is not null', [], 'a_region_of_a_service');
    });
    await db.raw(
      `create unique index policy_associations_once on policy_associations (endpoint_id, service_id, region_id) nulls not distinct`,
    );

    await db.schema.createTable('registered_limits', (t) => {
      t.text('id').primary();
      t.text('service_id').notNullable().references('services.id');
      t.text('region_id').references('regions.id').index();
      t.text('resource_name').notNullable();
      t.integer('default_limit').notNullable();
      t.text('description');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.check(`default_limit between -1 and ${mostOfAnything}`, [], 'registered_limit_in_range');
    });
    await db.raw(
      'create unique index registered_limits_once on registered_limits (service_id, region_id, resource_name) nulls not distinct',
    );
    await db.schema.createTable('limits', (t) => {
      t.text('id').primary();
      t.text('registered_limit_id').notNullable().references('registered_limits.id').index();
      t.text('project_id').references('projects.id').onDelete('CASCADE');
      t.text('domain_id').references('domains.id').onDelete('CASCADE');
      t.integer('resource_limit').notNullable();
      t.text('description');
      t.timestamp('created_at').notNullable().defaultTo(db.fn.now());
      t.check('num_nonnulls(project_id, domain_id) = 1', [], 'limit_of_one');
      t.check(`resource_limit between -1 and ${mostOfAnything}`, [], 'limit_in_range');
    });
    await db.raw(
      'create unique index limits_once on limits (project_id, domain_id, registered_limit_id) nulls not distinct',
    );
    await db.raw('create index limits_of_domains on limits (domain_id)');

    for (const table of watched) await watchTable(db, table);
  },
};
