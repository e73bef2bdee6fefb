import type { Migration } from '../../common/database/migrate.ts';

/** Times have milliseconds, as JavaScript's do: a marker read and given back has to compare equal. */
export const createImages: Migration = {
  name: 'image/0001-images',
  async up(db) {
    await db.raw(`
      create table images (
        id uuid primary key default gen_random_uuid(),
        owner text not null,
        name text,
        disk_format text,
        container_format text,
        visibility text not null check (visibility in ('public', 'private', 'shared', 'community')),
        min_disk_gib integer not null default 0 check (min_disk_gib >= 0),
        min_ram_mib integer not null default 0 check (min_ram_mib >= 0),
        is_protected boolean not null default false,
        is_hidden boolean not null default false,
        tags text[] not null default '{}',
        properties jsonb not null default '{}',
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        deletion_requested_at timestamptz(3),

        -- The upload under way, and when its process last said that it lives.
        upload_id uuid unique,
        upload_seen_at timestamptz(3),

        -- The finished upload, under whose id the store keeps the data.
        data_id uuid unique,
        size_bytes bigint,
        virtual_size_bytes bigint,
        md5 text,
        sha512 text,

        -- Computed here and nowhere else, because lists filter and sort by it.
        status text not null generated always as (
          case when data_id is not null then 'active' when upload_id is not null then 'saving' else 'queued' end
        ) stored,
        -- Lists sort by columns without nulls.
        sort_name text not null generated always as (coalesce(name, '')) stored,
        sort_disk_format text not null generated always as (coalesce(disk_format, '')) stored,
        sort_container_format text not null generated always as (coalesce(container_format, '')) stored,
        sort_size bigint not null generated always as (coalesce(size_bytes, 0)) stored,

        check (upload_id is null or data_id is null),
        check ((upload_id is null) = (upload_seen_at is null)),
        check ((data_id is null) = (size_bytes is null)),
        check (data_id is null or (disk_format is not null and container_format is not null))
      );
      create index images_owner on images (owner);
      create index images_created_at on images (created_at desc, id desc);
      create index images_name on images (name);
      create index images_unsettled on images (id) where deletion_requested_at is not null or upload_id is not null;

      create table image_members (
        image_id uuid not null references images on delete cascade,
        project_id text not null,
        status text not null default 'pending' check (status in ('pending', 'accepted', 'rejected')),
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        primary key (image_id, project_id)
      );
      create index image_members_project on image_members (project_id);
    `);
  },
};
