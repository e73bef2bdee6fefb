/** What one can do to the things in a namespace: the same for each kind of them. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import type { SortKey } from '../../common/database/page.ts';
import { NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import {
  associations,
  getContent,
  insertContents,
  type Kind,
  listContents,
  listContentsPage,
  properties,
  removeContents,
  tags,
  updateContent,
} from './contents.ts';
import type { Association, Namespace, PropertyDefinition, Stored, TagDefinition } from './definition.ts';
import { getNamespace, lockNamespace } from './namespaces.ts';
import { checkOwn, checkUnprotected, type MetadefDeps } from './operations.ts';
import { metadefPolicy } from './policy.ts';
import { ensureResourceTypes } from './resource-types.ts';

/** All of a kind, or the page that was asked for. */
export async function showContents<T extends { name: string }>(
  { db }: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
  paging?: { page: PageRequest; keys: SortKey[] },
): Promise<Stored<T>[]> {
  const { id } = await getNamespace(db, visibleTo(ctx), namespaceName);
  if (paging === undefined) return await listContents(db, kind, id);
  if (paging.page.marker !== undefined) await getContent(db, kind, id, paging.page.marker);
  return await listContentsPage(db, kind, id, paging.page, paging.keys);
}

export async function showContent<T extends { name: string }>(
  { db }: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
  name: string,
): Promise<Stored<T>> {
  const { id } = await getNamespace(db, visibleTo(ctx), namespaceName);
  return await getContent(db, kind, id, name);
}

/** A property by its name on things of a type, which begins with the association's prefix; `NotFound` if it does not. */
export async function showPropertyOn(
  { db, enforcer }: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  resourceType: string,
  prefixedName: string,
): Promise<Stored<PropertyDefinition>> {
  const { id } = await getNamespace(db, visibleTo(ctx), namespaceName);
  enforcer.authorize(ctx, metadefPolicy.get_metadef_resource_type);
  const { prefix } = await getContent(db, associations, id, resourceType);
  if (!prefix || !prefixedName.startsWith(prefix)) throw new NotFound('Property', prefixedName);
  return await getContent(db, properties, id, prefixedName.slice(prefix.length));
}

export async function addContent<T extends { name: string }>(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
  value: T,
): Promise<Stored<T>> {
  return await within(deps, ctx, namespaceName, async (trx, { id }) => {
    const [added] = await insertContents(trx, kind, id, [value]);
    return added as Stored<T>; // one was added
  });
}

export async function addAssociation(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  value: Association,
): Promise<Stored<Association>> {
  return await within(deps, ctx, namespaceName, async (trx, { id }) => {
    await ensureResourceTypes(trx, [value.name]);
    const [added] = await insertContents(trx, associations, id, [value]);
    return added as Stored<Association>; // one was added
  });
}

/** In the place of the tags there are, or beside them. None are given: nothing changes, as in Glance. */
export async function addTags(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  values: TagDefinition[],
  { append }: { append: boolean },
): Promise<Stored<TagDefinition>[]> {
  return await within(deps, ctx, namespaceName, async (trx, { id }) => {
    if (!append && values.length > 0) await removeContents(trx, tags, id);
    return await insertContents(trx, tags, id, values);
  });
}

export async function changeContent<T extends { name: string }>(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
  name: string,
  value: T,
): Promise<Stored<T>> {
  return await within(deps, ctx, namespaceName, (trx, { id }) => updateContent(trx, kind, id, name, value));
}

/** Throws `Forbidden` in a protected namespace. */
export async function deleteContent<T extends { name: string }>(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
  name: string,
): Promise<void> {
  await within(deps, ctx, namespaceName, async (trx, namespace) => {
    await getContent(trx, kind, namespace.id, name);
    checkUnprotected(namespace);
    await removeContents(trx, kind, namespace.id, name);
  });
}

/** All of a kind, for whom may delete the namespace itself. Throws `Forbidden` in a protected namespace. */
export async function deleteContents<T extends { name: string }>(
  deps: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  kind: Kind<T>,
): Promise<void> {
  deps.enforcer.authorize(ctx, metadefPolicy.delete_metadef_namespace);
  await within(deps, ctx, namespaceName, async (trx, namespace) => {
    checkUnprotected(namespace);
    await removeContents(trx, kind, namespace.id);
  });
}

/** The namespace stays, and stays as protected as it is, while its contents change. */
async function within<R>(
  { db }: MetadefDeps,
  ctx: ProjectContext,
  namespaceName: string,
  work: (trx: Knex, namespace: Namespace) => Promise<R>,
): Promise<R> {
  return await db.transaction(async (trx) => {
    const namespace = await lockNamespace(trx, visibleTo(ctx), namespaceName);
    checkOwn(ctx, namespace);
    return await work(trx, namespace);
  });
}
