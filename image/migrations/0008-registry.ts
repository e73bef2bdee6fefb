import type { Migration } from '../../common/database/migrate.ts';

/** What projects have pushed into the registry. The registry server keeps the bytes; whose they are and what refers to what is here. */
export const createRegistry: Migration = {
  name: 'image/0008-registry',
  async up(db) {
    await db.raw(`
      create table registry_projects (
        project_id text primary key,
        immutable_tags boolean not null default false
      );

      create table registry_repositories (
        -- Also its name at the registry server, so that no name of a user's is ever a path there.
        id uuid primary key default gen_random_uuid(),
        project_id text not null,
        -- Below the project's.
        name text not null check (name ~ '^[a-z0-9][a-z0-9._/-]*$'),
        -- Null: as the project says.
        immutable_tags boolean,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        deletion_requested_at timestamptz(3)
      );
      create unique index registry_repositories_name on registry_repositories (project_id, name)
        where deletion_requested_at is null;
      create index registry_repositories_project on registry_repositories (project_id, created_at, id);
      create index registry_repositories_unsettled on registry_repositories (id) where deletion_requested_at is not null;

      create table registry_blobs (
        repository_id uuid not null references registry_repositories,
        digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
        size_bytes bigint not null check (size_bytes >= 0),
        -- When somebody last pushed it, or asked before a push whether it is here.
        seen_at timestamptz(3) not null default now(),
        primary key (repository_id, digest)
      );
      create index registry_blobs_digest on registry_blobs (digest);
      create index registry_blobs_seen_at on registry_blobs (seen_at);

      create table registry_uploads (
        id uuid primary key default gen_random_uuid(),
        repository_id uuid not null references registry_repositories,
        -- Where the registry server goes on with it; what it signed is for nobody else to see.
        location text not null,
        received_bytes bigint not null default 0,
        seen_at timestamptz(3) not null default now(),
        -- For its client it is no more; it counts until its bytes are gone.
        is_over boolean not null default false
      );
      create index registry_uploads_repository on registry_uploads (repository_id);
      create index registry_uploads_seen_at on registry_uploads (seen_at);

      create table registry_manifests (
        repository_id uuid not null references registry_repositories,
        digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
        media_type text not null,
        size_bytes bigint not null check (size_bytes >= 0),
        artifact_type text,
        annotations jsonb not null default '{}',
        -- What it is about, which need not be here.
        subject_digest text,
        -- Of the archive that containers are made of, once it was read.
        archive_bytes bigint,
        archive_md5 text,
        archive_sha512 text,
        created_at timestamptz(3) not null default now(),
        primary key (repository_id, digest)
      );
      create index registry_manifests_digest on registry_manifests (digest);
      create index registry_manifests_subject on registry_manifests (repository_id, subject_digest)
        where subject_digest is not null;

      -- A blob stays as long as a manifest refers to it: these keys are what keeps it.
      create table registry_manifest_blobs (
        repository_id uuid not null,
        manifest_digest text not null,
        blob_digest text not null,
        primary key (repository_id, manifest_digest, blob_digest),
        foreign key (repository_id, manifest_digest) references registry_manifests on delete cascade,
        foreign key (repository_id, blob_digest) references registry_blobs
      );
      create index registry_manifest_blobs_blob on registry_manifest_blobs (repository_id, blob_digest);

      create table registry_manifest_children (
        repository_id uuid not null,
        manifest_digest text not null,
        child_digest text not null,
        primary key (repository_id, manifest_digest, child_digest),
        foreign key (repository_id, manifest_digest) references registry_manifests on delete cascade,
        constraint registry_manifest_children_child
          foreign key (repository_id, child_digest) references registry_manifests
      );
      create index registry_manifest_children_child on registry_manifest_children (repository_id, child_digest);

      create table registry_tags (
        repository_id uuid not null references registry_repositories,
        name text not null collate "C",
        manifest_digest text not null,
        pushed_at timestamptz(3) not null default now(),
        primary key (repository_id, name),
        foreign key (repository_id, manifest_digest) references registry_manifests
      );
      create index registry_tags_manifest on registry_tags (repository_id, manifest_digest);

      -- The images of the image service that stand for tags. One whose tag is gone, or means another manifest now, goes.
      create table registry_images (
        -- The image's data id: its data is put together from the registry when somebody reads it.
        data_id uuid primary key,
        image_id uuid not null unique,
        repository_id uuid not null,
        tag text not null,
        manifest_digest text not null,
        -- What containers are made of: the same, or of a list the manifest for this machine.
        runs_digest text not null
      );
      create index registry_images_repository on registry_images (repository_id);
      -- Tags that nobody has looked at yet, to see whether a container can be made of them.
      alter table registry_tags add column is_settled boolean not null default false;
      create index registry_tags_unsettled on registry_tags (pushed_at) where not is_settled;
    `);
  },
};
