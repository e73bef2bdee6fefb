import type { Migration } from '../../common/database/migrate.ts';

export const createImports: Migration = {
  name: 'image/0003-import',
  async up(db) {
    await db.raw(`
      -- What the service does for a project in its own time. It outlives its image, so that a failure can be read.
      create table image_tasks (
        id uuid primary key default gen_random_uuid(),
        owner text not null,
        user_id text not null,
        request_id text not null,
        image_id uuid not null,
        input jsonb not null,
        inject_properties jsonb not null default '{}',
        status text not null default 'pending' check (status in ('pending', 'processing', 'success', 'failure')),
        message text not null default '',
        attempts integer not null default 0,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        expires_at timestamptz(3),
        check ((expires_at is null) = (status in ('pending', 'processing')))
      );
      create index image_tasks_image on image_tasks (image_id);
      create index image_tasks_created_at on image_tasks (created_at desc, id desc);
      create index image_tasks_open on image_tasks (created_at) where expires_at is null;

      alter table images
        -- Data that waits for its import; while it still comes it is an upload of the same id.
        add column staged_id uuid unique,
        add column import_task_id uuid unique references image_tasks,
        -- How the last import ended; null before the first.
        add column import_failed boolean,
        add check (data_id is null or (staged_id is null and import_task_id is null)),
        drop column status;
      alter table images
        add column status text not null generated always as (
          case
            when data_id is not null then 'active'
            when import_task_id is not null then 'importing'
            when staged_id is not null then 'uploading'
            when upload_id is not null then 'saving'
            else 'queued'
          end
        ) stored;
    `);
  },
};
