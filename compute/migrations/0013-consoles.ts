import type { Migration } from '../../common/database/migrate.ts';

/** Addresses of consoles that were given out, and the consoles that are open. */
export const createConsoles: Migration = {
  name: 'compute/0013-consoles',
  async up(db) {
    await db.raw(`
      create table console_tokens (
        id uuid primary key default gen_random_uuid(),
        -- SHA-256: who reads the database opens no console with it.
        token_hash bytea not null unique,
        server_id uuid not null references servers (id) on delete cascade,
        -- Where the server was then: it opens no console of the same server elsewhere.
        host_id uuid not null references compute_hosts (id) on delete cascade,
        console_type text not null check (console_type in ('novnc', 'serial')),
        user_id text not null,
        -- What ends the rights that it was asked for with (identity/tokens/standing.ts).
        ended_by text[] not null,
        epoch bigint not null,
        created_at timestamptz(3) not null default now(),
        expires_at timestamptz(3) not null,
        -- From here on it is an open console, told to be alive every few seconds by the process that serves it.
        taken_at timestamptz(3),
        seen_at timestamptz(3),
        check ((taken_at is null) = (seen_at is null))
      );
      create index console_tokens_by_server on console_tokens (server_id);
      create index console_tokens_by_user on console_tokens (user_id);
      create index console_tokens_unused on console_tokens (expires_at) where taken_at is null;

      -- Whoever stops, moves or deletes a server need not think of its consoles.
      create function end_consoles() returns trigger language plpgsql as $$
        begin
          delete from console_tokens where server_id = new.id;
          if found then perform pg_notify('cirrostack', 'consoles ' || new.id); end if;
          return null;
        end $$;
      create trigger servers_end_consoles
        after update of host_id, wanted_power, observed_power, deletion_requested_at, soft_deleted_at, shelved_at on servers
        for each row when (
          new.host_id is distinct from old.host_id
          or (new.wanted_power in ('shutdown', 'suspended') and new.wanted_power <> old.wanted_power)
          or (new.observed_power is distinct from old.observed_power and old.observed_power in ('running', 'paused')
            and (new.observed_power is null or new.observed_power not in ('running', 'paused')))
          or (new.deletion_requested_at is not null and old.deletion_requested_at is null)
          or (new.soft_deleted_at is not null and old.soft_deleted_at is null)
          or (new.shelved_at is not null and old.shelved_at is null)
        ) execute function end_consoles();
    `);
  },
};
