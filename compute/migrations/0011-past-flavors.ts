import type { Migration } from '../../common/database/migrate.ts';

/** A server knows the name of its flavor by itself, also when the flavor is gone before it. */
export const rememberPastFlavors: Migration = {
  name: 'compute/0011-past-flavors',
  async up(db) {
    await db.raw(`
      create or replace function remember_past_server() returns trigger language plpgsql as $$
      begin
        insert into past_servers (id, project_id, name, flavor, vcpus, memory_mib, disk_gib, launched_at)
        values (old.id, old.project_id, old.name, coalesce(nullif(old.flavor_name, ''), old.flavor_id),
          old.vcpus, old.memory_mib, old.disk_gib, old.launched_at)
        on conflict (id) do nothing;
        return old;
      end $$;
    `);
  },
};
