import type { Migration } from '../../common/database/migrate.ts';

/** Data in several stores at once. What is there already is in the store `default`, the only one there has been. */
export const severalStores: Migration = {
  name: 'image/0007-stores',
  async up(db) {
    await db.raw(`
      -- Where the data of images is, and under which id: each row one whole copy, or one that is still to be removed.
      create table image_copies (
        store text not null,
        data_id uuid not null,
        image_id uuid not null references images,
        created_at timestamptz(3) not null default now(),
        deletion_requested_at timestamptz(3),
        primary key (store, data_id)
      );
      create unique index image_copies_once on image_copies (image_id, store) where deletion_requested_at is null;
      create index image_copies_image on image_copies (image_id);
      create index image_copies_unwanted on image_copies (image_id) where deletion_requested_at is not null;
      insert into image_copies (store, data_id, image_id) select 'default', data_id, id from images where data_id is not null;

      alter table images
        -- The stores of its copies, the oldest first: kept by the trigger below, because lists show it.
        add column stores text[] not null default '{}',
        -- Where the upload under way writes to.
        add column upload_stores text[] not null default '{}',
        -- Where the import under way still has to bring the data; null before the first import.
        add column importing_stores text[],
        -- Where the last import could not bring it.
        add column failed_stores text[] not null default '{}';
      update images set
        stores = case when data_id is null then '{}' else array['default'] end,
        upload_stores = case when upload_id is null or upload_id = staged_id then '{}' else array['default'] end,
        importing_stores = case
          when import_failed is null then null when import_task_id is null then '{}' else array['default'] end,
        failed_stores = case when import_failed then array['default'] else '{}' end;
      alter table images
        drop column import_failed,
        add check (importing_stores is not null or import_task_id is null);

      create function image_copies_changed() returns trigger language plpgsql as $$
      begin
        update images set stores = array(
          select store from image_copies
          where image_id = images.id and deletion_requested_at is null order by created_at, store
        ) where id = coalesce(new.image_id, old.image_id);
        return null;
      end $$;
      create trigger image_copies_changed after insert or update or delete on image_copies
        for each row execute function image_copies_changed();

      -- An image with data may be copied, by a task and in attempts like those of an import.
      do $$
      declare
        former name;
      begin
        for former in
          select conname from pg_constraint
          where conrelid = 'images'::regclass and contype = 'c' and (
            pg_get_constraintdef(oid) = 'CHECK (((upload_id IS NULL) OR (data_id IS NULL)))'
            or pg_get_constraintdef(oid) like '%data_id IS NULL%import_task_id IS NULL%'
          )
        loop
          execute format('alter table images drop constraint %I', former);
        end loop;
      end $$;
      alter table images
        add check (data_id is null or staged_id is null),
        add check (data_id is null or upload_id is null or import_task_id is not null);

      alter table image_tasks
        add column stores text[] not null default '{default}',
        add column all_stores_must_succeed boolean not null default true;
    `);
  },
};
