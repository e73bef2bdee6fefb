import type { Migration } from '../../common/database/migrate.ts';

/** Images that nobody may take the data of for now, and indexes for the orders that lists have and for what they filter by. */
export const deactivateImages: Migration = {
  name: 'image/0006-images',
  async up(db) {
    await db.raw(`
      alter table images
        add column is_deactivated boolean not null default false,
        add check (not is_deactivated or data_id is not null);

      -- The status is what it was computed to be before, but for these.
      do $$
      declare
        before text;
      begin
        select pg_get_expr(d.adbin, d.adrelid) into strict before
        from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where d.adrelid = 'images'::regclass and a.attname = 'status';
        alter table images drop column status;
        execute format(
          'alter table images add column status text not null
           generated always as (case when is_deactivated then ''deactivated'' else %s end) stored',
          before
        );
      end $$;

      create index images_owner_created_at on images (owner, created_at desc, id desc);
      create index images_sort_name on images (sort_name, id);
      create index images_sort_size on images (sort_size, id);
      create index images_updated_at on images (updated_at, id);
      create index images_tags on images using gin (tags);
      create index images_properties on images using gin (properties jsonb_path_ops);
      drop index images_owner;
    `);
  },
};
