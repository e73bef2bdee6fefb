import type { Migration } from '../../common/database/migrate.ts';

/**
 * What hosts have of images, as they tell it themselves, and what administrators ask them to have or to give up. No image is
 * referred to: copies outlive their images while guests stand on them.
 */
export const createImageCaches: Migration = {
  name: 'compute/0003-image-cache',
  async up(db) {
    await db.raw(`
      create table host_images (
        host_id uuid not null references compute_hosts on delete cascade,
        image_id uuid not null,
        kind text not null check (kind in ('disk', 'container')),
        size_bytes bigint not null check (size_bytes >= 0),
        hits integer not null default 0,
        placed_at timestamptz(3) not null default now(),
        used_at timestamptz(3) not null default now(),
        primary key (host_id, image_id)
      );
      create index host_images_of_image on host_images (image_id);

      create table host_image_wishes (
        host_id uuid not null references compute_hosts on delete cascade,
        image_id uuid not null,
        kind text not null check (kind in ('disk', 'container')),
        wanted text not null check (wanted in ('present', 'absent')),
        asked_at timestamptz(3) not null default now(),
        primary key (host_id, image_id)
      );
      create index host_image_wishes_of_image on host_image_wishes (image_id);
    `);
  },
};
