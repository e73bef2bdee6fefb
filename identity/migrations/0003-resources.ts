import type { Knex } from '../../common/database/database.ts';
import type { Migration } from '../../common/database/migrate.ts';

export const resources: Migration = {
  name: 'identity/0003-resources',
  async up(db: Knex) {
    // Attributes that the API does not know and keeps all the same. The API's own limit is lower: see identity/extra.ts.
    for (const table of ['domains', 'projects', 'users', 'groups'])
      await db.schema.alterTable(table, (t) => {
        t.jsonb('extra').notNullable().defaultTo('{}');
        t.check('octet_length(extra::text) <= 262144', [], `${table}_extra_size`);
      });
    for (const table of ['domains', 'projects'])
      await db.schema.alterTable(table, (t) => {
        t.specificType('tags', 'text[]').notNullable().defaultTo('{}');
        t.check('cardinality(tags) <= 80', [], `${table}_tags_count`);
      });
    await db.raw('create index projects_tags on projects using gin (tags)');
    await db.raw('create index users_default_projects on users (default_project_id)');

    // Lists are in the order of names, whatever the domain; the parts of names are searched by their trigrams.
    for (const table of ['projects', 'users', 'groups']) {
      await db.raw('create index ?? on ?? (name, id)', [`${table}_names`, table]);
      await db.raw(trigrams(table));
    }

    await db.schema.createTable('domain_config_options', (t) => {
      t.text('domain_id').notNullable().references('domains.id').onDelete('CASCADE');
      t.text('group').notNullable();
      t.text('option').notNullable();
      t.jsonb('value');
      t.text('sealed_value'); // of what must not be read from the database: see identity/sealing.ts
      t.primary(['domain_id', 'group', 'option']);
      t.check('num_nonnulls(value, sealed_value) = 1', [], 'one_value');
    });
  },
};

/** Not every PostgreSQL has the extension, or lets us have it. Without it searches are only slower. */
function trigrams(table: string): string {
  return `do $$ begin
      create extension if not exists pg_trgm;
      create index ${table}_name_parts on ${table} using gin (name gin_trgm_ops);
    exception when insufficient_privilege or undefined_file or feature_not_supported then
      raise notice 'no pg_trgm';
    end $$`;
}
