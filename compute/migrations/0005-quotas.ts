import type { Migration } from '../../common/database/migrate.ts';

/** Limits that administrators set. A user's within a project has its id; the project's own has none. */
export const createQuotas: Migration = {
  name: 'compute/0005-quotas',
  async up(db) {
    await db.raw(`
      create table compute_quotas (
        project_id text not null check (length(project_id) between 1 and 255),
        user_id text not null default '',
        resource text not null,
        maximum integer not null check (maximum >= -1),
        primary key (project_id, user_id, resource)
      );
      create table compute_quota_classes (
        class text not null check (length(class) between 1 and 255),
        resource text not null,
        maximum integer not null check (maximum >= -1),
        primary key (class, resource)
      );
    `);
  },
};
