import type { Migration } from '../../common/database/migrate.ts';

/** What a server took of disks is its root disk and its ephemeral ones, as Nova counts `local_gb`. */
export const countEphemeralDisks: Migration = {
  name: 'compute/0026-usage-of-ephemeral-disks',
  async up(db) {
    await db.raw(`
      create or replace function remember_past_server() returns trigger language plpgsql as $$
      begin
        insert into past_servers (id, project_id, name, flavor, vcpus, memory_mib, disk_gib, launched_at)
        values (old.id, old.project_id, old.name, coalesce(nullif(old.flavor_name, ''), old.flavor_id),
          old.vcpus, old.memory_mib, old.disk_gib + old.ephemeral_gib, old.launched_at)
        on conflict (id) do nothing;
        return old;
      end $$;
    `);
  },
};
