import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { SortKey } from '../../common/database/page.ts';
import { Forbidden } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { Rule } from '../../common/policy/rules.ts';
import type { ImageDeps } from '../images/operations.ts';
import { associations, associationsOf, insertContents, objects, properties, readContents, tags } from './contents.ts';
import type { Association, Contents, EditableNamespace, Namespace, Stored, StoredContents } from './definition.ts';
import {
  getNamespace,
  insertNamespace,
  listNamespaces,
  lockNamespace,
  type NamespaceFilter,
  removeNamespace,
  updateNamespace,
} from './namespaces.ts';
import { metadefPolicy } from './policy.ts';
import { ensureResourceTypes } from './resource-types.ts';

/** Several calls need rights beside that of their route. */
export type MetadefDeps = Pick<ImageDeps, 'db' | 'enforcer'>;

function authorizeAll({ enforcer }: MetadefDeps, ctx: ProjectContext, rules: Rule[]): void {
  for (const rule of rules) enforcer.authorize(ctx, rule);
}

/** A page of namespaces, each with what it is for. */
export async function showNamespaces(
  deps: MetadefDeps,
  ctx: ProjectContext,
  filter: NamespaceFilter,
  page: PageRequest,
  keys: SortKey[],
): Promise<{ namespaces: (Namespace & { associations: Stored<Association>[] })[]; more: boolean }> {
  authorizeAll(deps, ctx, [metadefPolicy.list_metadef_resource_types]);
  // Like any name in a path: one that the caller does not see is not found.
  if (page.marker !== undefined) await getNamespace(deps.db, visibleTo(ctx), page.marker);
  const { namespaces, more } = await listNamespaces(deps.db, visibleTo(ctx), filter, page, keys);
  const ids = namespaces.map(({ id }) => id);
  const found = await associationsOf(deps.db, ids);
  return {
    namespaces: namespaces.map((namespace) => ({ ...namespace, associations: found.get(namespace.id) ?? [] })),
    more,
  };
}

/** A namespace with all that is in it. */
export async function showNamespace(
  deps: MetadefDeps,
  ctx: ProjectContext,
  name: string,
): Promise<Namespace & StoredContents> {
  const namespace = await getNamespace(deps.db, visibleTo(ctx), name);
  authorizeAll(deps, ctx, [
    metadefPolicy.list_metadef_resource_types,
    metadefPolicy.get_metadef_objects,
    metadefPolicy.get_metadef_properties,
    metadefPolicy.get_metadef_tags,
  ]);
  return { ...namespace, ...(await readContents(deps.db, namespace.id)) };
}

/** Makes a namespace and all that is in it, or nothing. Throws `Conflict` for a name that is taken, here or in it. */
export async function createNamespace(
  deps: MetadefDeps,
  ctx: ProjectContext,
  asked: EditableNamespace,
  contents: Contents,
): Promise<Namespace & StoredContents> {
  checkOwner(ctx, asked.owner, ctx.projectId);
  authorizeAll(deps, ctx, [
    ...(contents.associations.length > 0 ? [metadefPolicy.add_metadef_resource_type_association] : []),
    ...(contents.objects.length > 0 ? [metadefPolicy.add_metadef_object] : []),
    ...(contents.properties.length > 0 ? [metadefPolicy.add_metadef_property] : []),
    ...(contents.tags.length > 0 ? [metadefPolicy.add_metadef_tag] : []),
  ]);
  return await deps.db.transaction(async (trx) => {
    const namespace = await insertNamespace(trx, asked);
    await ensureResourceTypes(
      trx,
      contents.associations.map(({ name }) => name),
    );
    return {
      ...namespace,
      associations: await insertContents(trx, associations, namespace.id, contents.associations),
      objects: await insertContents(trx, objects, namespace.id, contents.objects),
      properties: await insertContents(trx, properties, namespace.id, contents.properties),
      tags: await insertContents(trx, tags, namespace.id, contents.tags),
    };
  });
}

/** Replaces what is said of the namespace itself; what is in it stays. */
export async function changeNamespace(
  deps: MetadefDeps,
  ctx: ProjectContext,
  name: string,
  asked: EditableNamespace,
): Promise<Namespace> {
  return await deps.db.transaction(async (trx) => {
    const namespace = await lockNamespace(trx, visibleTo(ctx), name);
    checkOwn(ctx, namespace);
    checkOwner(ctx, asked.owner, namespace.owner);
    return await updateNamespace(trx, namespace.id, asked);
  });
}

/** With all that is in it. Throws `Forbidden` for a protected one. */
export async function deleteNamespace(deps: MetadefDeps, ctx: ProjectContext, name: string): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const namespace = await lockNamespace(trx, visibleTo(ctx), name);
    checkOwn(ctx, namespace);
    checkUnprotected(namespace);
    await removeNamespace(trx, namespace.id);
  });
}

/** Whatever an operator's policy lets others write, they write their own project's. */
export function checkOwn(ctx: ProjectContext, { name, owner }: Namespace): void {
  if (owner !== ctx.projectId && !ctx.isAdmin) throw new Forbidden(`You are not the owner of namespace ${name}.`);
}

export function checkUnprotected({ name, isProtected }: Namespace): void {
  if (!isProtected) return;
  throw new Forbidden(`Namespace ${name} is protected: neither it nor what is in it can be deleted.`);
}

function checkOwner(ctx: ProjectContext, wanted: string, current: string): void {
  if (wanted === current || ctx.isAdmin) return;
  throw new Forbidden('Only administrators may make somebody else the owner of a namespace.');
}
