import type { Migration } from '../../common/database/migrate.ts';

/** `description_order`: lists are sorted by what is never null. */
export const addFlavorDetails: Migration = {
  name: 'compute/0007-flavor-details',
  async up(db) {
    await db.raw(`
      alter table flavors
        add column description text check (length(description) <= 65535),
        add column description_order text not null generated always as (left(coalesce(description, ''), 255)) stored,
        add column swap_mib integer not null default 0 check (swap_mib >= 0),
        add column ephemeral_gib integer not null default 0 check (ephemeral_gib >= 0),
        add column extra_specs jsonb not null default '{}',
        add column updated_at timestamptz(3) not null default now();
    `);
  },
};
