import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { findDomain, getDomain, lockDomain } from '../domains/store.ts';
import { type Extra, mergedExtra } from '../extra.ts';
import { projectLevels } from '../limits/model.ts';
import { checkMayChange, checkMayDelete, mergedOptions, type Options } from '../options.ts';
import { revoke } from '../tokens/revocations.ts';
import { listSubtree, lockBranch } from './hierarchy.ts';
import { maxDepth, type Project } from './project.ts';
import {
  findProject,
  getProject,
  hasChildren,
  insertProject,
  lockProject,
  removeProject,
  updateProject,
} from './store.ts';

type Db = IdentityDeps['db'];

/** What is asked to be different; absent leaves alone. */
export interface ProjectChanges {
  name?: string | undefined;
  description?: string | undefined;
  enabled?: boolean | undefined;
  tags?: string[] | undefined;
  options?: Options | undefined;
  extra?: Extra | undefined;
}

/**
 * The domain of a project to be: the one that is named, or else that of its parent, or else `fallback`. Undefined when the
 * parent is not there. Clients name the domain as the parent of its top projects.
 */
export async function domainOfNewProject(
  db: Db,
  { domainId, parentId }: { domainId?: string | null | undefined; parentId?: string | null | undefined },
  fallback: string | null,
): Promise<string | undefined> {
  if (domainId) return domainId;
  if (!parentId) return fallback ?? undefined;
  return (await findProject(db, parentId))?.domainId ?? (await findDomain(db, parentId))?.id;
}

/**
 * Creates a project in a domain, or below another project of the same domain. Throws `Conflict` when the name is taken there,
 * `BadRequest` where something above it is not there or disabled, `Forbidden` where it would be too deep.
 */
export async function createProject(
  { db, limitModel }: Pick<IdentityDeps, 'db' | 'limitModel'>,
  asked: ProjectChanges & { name: string; domainId: string; parentId?: string | null | undefined },
): Promise<Project> {
  const { name, domainId, description = '', enabled = true, tags = [], options, extra = {} } = asked;
  return db.transaction(async (trx) => {
    const domain = await lockDomain(trx, domainId, 'share').catch(asBadReference);
    const parentId = asked.parentId && asked.parentId !== domainId ? asked.parentId : null;
    const branch = parentId === null ? [] : await lockBranch(trx, parentId);
    // One answer for a parent that is not there and one of another domain: that it exists is that domain's business.
    if (parentId !== null && branch[0]?.domainId !== domainId)
      throw new BadRequest(`There is no project ${parentId} in domain ${domainId} to be the parent.`);
    const disabled = [...branch, domain].find((one) => !one.enabled);
    if (disabled)
      throw new BadRequest(`cannot create a project in a branch containing a disabled project: ${disabled.id}`);
    if (branch.length >= Math.min(maxDepth, projectLevels(limitModel)))
      throw new Forbidden(`Max hierarchy depth reached for ${parentId} branch.`);
    return insertProject(trx, {
      name,
      domainId,
      parentId,
      description,
      enabled,
      tags,
      options: mergedOptions({}, options),
      extra: mergedExtra({}, extra),
    });
  });
}

/**
 * Throws `Forbidden` for an immutable project, to disable one above enabled ones, and to enable one below a disabled one.
 * Disabling a project ends every token for it.
 */
export async function changeProject(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  changes: ProjectChanges | ((before: Project) => ProjectChanges),
): Promise<Project> {
  const project = await db.transaction(async (trx) => {
    const before = await lockInDomain(trx, id);
    const asked = typeof changes === 'function' ? changes(before) : changes;
    checkMayChange('project', before, asked);
    const { name, description, enabled, tags, options, extra } = asked;
    if (enabled === true && !before.enabled) await checkMayEnable(trx, before);
    if (enabled === false && before.enabled) await checkMayDisable(trx, id);
    const changed = await updateProject(trx, id, {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(enabled !== undefined && { enabled }),
      ...(tags && { tags }),
      ...(options && { options: mergedOptions(before.options, options) }),
      ...(extra && { extra: mergedExtra(before.extra, extra) }),
    });
    if (before.enabled && !changed.enabled) await revoke(trx, `project:${id}`, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return project;
}

/** The domain first, as whoever deletes it with its projects does: or the two would wait for each other. */
async function lockInDomain(trx: Db, id: string): Promise<Project> {
  await lockDomain(trx, (await getProject(trx, id)).domainId, 'share');
  return lockProject(trx, id);
}

async function checkMayEnable(trx: Db, { id, domainId, parentId }: Project): Promise<void> {
  const above = [...(parentId === null ? [] : await lockBranch(trx, parentId)), await getDomain(trx, domainId)];
  if (above.some((one) => !one.enabled))
    throw new Forbidden(`Cannot enable project ${id} since it has disabled parents`);
}

async function checkMayDisable(trx: Db, id: string): Promise<void> {
  if ((await listSubtree(trx, id)).some((one) => one.enabled))
    throw new Forbidden(`Cannot disable project ${id} since its subtree contains enabled projects.`);
}

/**
 * Throws `Forbidden` while projects are below it, and for an immutable one. What other services hold for the project is left,
 * as Keystone leaves it.
 */
export async function deleteProject({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    checkMayDelete('project', await lockInDomain(trx, id));
    if (await hasChildren(trx, id))
      throw new Forbidden(
        `Cannot delete the project ${id} since it is not a leaf in the hierarchy; delete the projects below it first.`,
      );
    await removeProject(trx, id);
    await revoke(trx, `project:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}

/** What a body refers to and is not there is the body's fault: 400, where an id in the path would be 404. */
function asBadReference(error: Error): never {
  throw error instanceof NotFound ? new BadRequest(error.message, { cause: error }) : error;
}
