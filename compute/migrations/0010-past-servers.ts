import type { Migration } from '../../common/database/migrate.ts';

/**
 * What is left of servers that are gone: what they took, and for how long, so that a project's usage can be told afterwards.
 * Written by the database itself, in the transaction that removes a server, whichever code that is: none can forget it.
 */
export const createPastServers: Migration = {
  name: 'compute/0010-past-servers',
  async up(db) {
    await db.raw(`
      create table past_servers (
        id uuid primary key,
        project_id text not null,
        name text not null,
        flavor text not null,
        vcpus integer not null,
        memory_mib integer not null,
        disk_gib integer not null,
        launched_at timestamptz(3) not null,
        ended_at timestamptz(3) not null default now()
      );
      create index past_servers_of_project on past_servers (project_id, ended_at);
      create index past_servers_by_end on past_servers (ended_at);

      create function remember_past_server() returns trigger language plpgsql as $$
      begin
        insert into past_servers (id, project_id, name, flavor, vcpus, memory_mib, disk_gib, launched_at)
        values (old.id, old.project_id, old.name,
          coalesce((select name from flavors where id = old.flavor_id), old.flavor_id),
          old.vcpus, old.memory_mib, old.disk_gib, old.launched_at)
        on conflict (id) do nothing;
        return old;
      end $$;
      create trigger remember_past_server after delete on servers
        for each row when (old.launched_at is not null) execute function remember_past_server();
    `);
  },
};
