import type { Visible } from '../../../common/context.ts';
import type { Knex } from '../../../common/database/database.ts';
import { selectPage } from '../../../common/database/page.ts';
import { BadRequest, NotFound } from '../../../common/errors.ts';
import type { PageRequest } from '../../../common/http/page.ts';
import { isUuid } from '../../../common/ids.ts';
import { OciError } from '../errors.ts';
import { briefly } from './transactions.ts';

export interface Repository {
  id: string;
  projectId: string;
  /** Below the project. */
  name: string;
  /** Null: as its project says. */
  immutableTags: boolean | null;
  createdAt: Date;
  updatedAt: Date;
}

interface RepositoryRow {
  id: string;
  project_id: string;
  name: string;
  immutable_tags: boolean | null;
  created_at: Date;
  updated_at: Date;
}

const fromRow = (row: RepositoryRow): Repository => ({
  id: row.id,
  projectId: row.project_id,
  name: row.name,
  immutableTags: row.immutable_tags,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** Those that are there for users; one whose deletion was asked for is not. */
const live = (db: Knex) => db<RepositoryRow>('registry_repositories').whereNull('deletion_requested_at');

const visibleOnly = (query: Knex.QueryBuilder, visible: Visible) =>
  visible === 'everyone' ? query : query.where('project_id', visible.projectId);

export async function findRepository(db: Knex, projectId: string, name: string): Promise<Repository | undefined> {
  const row = await live(db).where({ project_id: projectId, name }).first();
  return row && fromRow(row);
}

/** The repository, made if it is not there. Undefined when there is no such project, or it is disabled. */
export async function ensureRepository(db: Knex, projectId: string, name: string): Promise<Repository | undefined> {
  const known = await findRepository(db, projectId, name);
  if (known !== undefined) return known;
  await db.raw(
    `insert into registry_repositories (project_id, name)
     select id, :name from projects where id = :projectId and enabled
     on conflict (project_id, name) where deletion_requested_at is null do nothing`,
    { projectId, name },
  );
  return findRepository(db, projectId, name);
}

/** For the transaction it is there, as a user sees it. Throws `OciError` NAME_UNKNOWN when it is being deleted. */
export async function keepRepository(trx: Knex, id: string): Promise<void> {
  const row = await live(trx).where({ id }).forKeyShare().first('id');
  if (row === undefined) throw new OciError('NAME_UNKNOWN', 'There is no such repository any more.');
}

/** Another project's is not found. */
export async function getRepository(db: Knex, visible: Visible, id: string): Promise<Repository> {
  const row = isUuid(id) ? await live(db).where({ id }).modify(visibleOnly, visible).first() : undefined;
  if (row === undefined) throw new NotFound('Repository', id);
  return fromRow(row as RepositoryRow);
}

export async function listRepositories(
  db: Knex,
  projectId: string,
  page: PageRequest,
): Promise<{ repositories: Repository[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const query = live(db).where({ project_id: projectId }).select('*');
  const { rows, more } = await selectPage<RepositoryRow>(query, page, [{ column: 'name', direction: 'asc' }]);
  return { repositories: rows.map(fromRow), more };
}

/** `null`: as the project says. */
export async function setImmutable(db: Knex, id: string, immutableTags: boolean | null): Promise<void> {
  const said = { immutable_tags: immutableTags, updated_at: db.fn.now(3) };
  await briefly(db, async (trx) =>
    live(trx)
      .where({ id })
      .update(said as object),
  );
}

export async function requestDeletion(db: Knex, id: string): Promise<void> {
  await live(db)
    .where({ id })
    .update({ deletion_requested_at: db.fn.now(3) } as object);
}

/** What holds for repositories that do not say themselves. */
export async function projectIsImmutable(db: Knex, projectId: string): Promise<boolean> {
  const row = await db('registry_projects').where({ project_id: projectId }).first('immutable_tags');
  return row?.immutable_tags ?? false;
}

export async function setProjectImmutable(db: Knex, projectId: string, immutableTags: boolean): Promise<void> {
  await db('registry_projects')
    .insert({ project_id: projectId, immutable_tags: immutableTags })
    .onConflict('project_id')
    .merge();
}

/** Whether its tags stay what they are. */
export async function isImmutable(db: Knex, { projectId, immutableTags }: Repository): Promise<boolean> {
  return immutableTags ?? (await projectIsImmutable(db, projectId));
}
