import { BadRequest, NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { getDomain } from '../domains/store.ts';
import { revoke } from '../tokens/revocations.ts';
import type { Project } from './project.ts';
import { getProject, insertProject, removeProject, updateProject } from './store.ts';

/** Creates a project in a domain, or below another project of the same domain. Throws `Conflict` when the name is taken there. */
export async function createProject({ db }: IdentityDeps, asked: Omit<Project, 'id'>): Promise<Project> {
  return db.transaction(async (trx) => {
    await getDomain(trx, asked.domainId).catch(asBadReference);
    // Clients name the domain as the parent of its top projects.
    const parentId = asked.parentId === asked.domainId ? null : asked.parentId;
    if (parentId !== null) {
      const parent = await getProject(trx, parentId).catch(asBadReference);
      if (parent.domainId !== asked.domainId) throw new BadRequest('A project must be in the domain of its parent.');
    }
    return insertProject(trx, { ...asked, parentId });
  });
}

/** Disabling a project ends every token for it. */
export async function changeProject(
  { db, revocations, tokenSeconds }: IdentityDeps,
  id: string,
  changes: Partial<Pick<Project, 'name' | 'description' | 'enabled'>>,
): Promise<Project> {
  const project = await db.transaction(async (trx) => {
    const changed = await updateProject(trx, id, changes);
    if (changes.enabled === false) await revoke(trx, `project:${id}`, tokenSeconds);
    return changed;
  });
  await revocations.refresh();
  return project;
}

/** Throws `Conflict` while projects are below it. What other services hold for the project is left, as Keystone leaves it. */
export async function deleteProject({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await removeProject(trx, id);
    await revoke(trx, `project:${id}`, tokenSeconds);
  });
  await revocations.refresh();
}

/** What a body refers to and is not there is the body's fault: 400, where an id in the path would be 404. */
function asBadReference(error: Error): never {
  throw error instanceof NotFound ? new BadRequest(error.message, { cause: error }) : error;
}
