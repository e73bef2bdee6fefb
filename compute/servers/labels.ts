/** What a server is called and labelled with: nothing of it concerns its host. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { computeLimitsOf } from '../quotas/limits.ts';
import { checkMetadataItems } from '../quotas/quotas.ts';
import { recordAction } from './actions.ts';
import { refuseLocked, refuseState } from './ask.ts';
import type { ServerDeps } from './create.ts';
import type { Server } from './server.ts';
import { requirements } from './states.ts';
import { getServer, lockServer } from './store.ts';

/** Nova's MAX_TAG_COUNT. */
export const maximumTags = 50;

export interface ServerChanges {
  name?: string;
  hostname?: string;
  description?: string | null;
  accessIpv4?: string;
  accessIpv6?: string;
  diskConfig?: 'AUTO' | 'MANUAL';
}

/** Absent leaves alone; null clears. */
export async function updateServer(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  changes: ServerChanges,
): Promise<Server> {
  const columns = Object.entries({
    name: changes.name,
    hostname: changes.hostname,
    description: changes.description,
    access_ipv4: changes.accessIpv4,
    access_ipv6: changes.accessIpv6,
    disk_config: changes.diskConfig,
  }).filter(([, value]) => value !== undefined);
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    if (columns.length > 0)
      await trx('servers')
        .where({ id: server.id })
        .update({ ...Object.fromEntries(columns), updated_at: trx.fn.now() });
    return getServer(trx, visibleTo(ctx), id);
  });
}

/** Replaces the server's metadata by what `change` makes of it. Throws `Forbidden` when that is too much, as Nova does. */
export async function changeMetadata(
  { db, region }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  change: (metadata: ReadonlyMap<string, string>) => Map<string, string>,
): Promise<Record<string, string>> {
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    refuseLocked(ctx, server);
    refuseState(server, 'update metadata', requirements['change metadata']);
    const changed = change(new Map(Object.entries(server.metadata)));
    checkMetadataItems(await computeLimitsOf(trx, { projectId: server.projectId, region }), changed.size);
    const metadata = Object.fromEntries(changed);
    await trx('servers')
      .where({ id: server.id })
      .update({ metadata: JSON.stringify(metadata), updated_at: trx.fn.now() });
    return metadata;
  });
}

/** Replaces the server's tags by what `change` makes of them. Throws `BadRequest` when that is too many, `Conflict`. */
export async function changeTags(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  change: (tags: readonly string[]) => string[],
): Promise<string[]> {
  return db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    refuseState(server, 'update tags', requirements['change tags']);
    const tags = [...new Set(change(server.tags))];
    if (tags.length > maximumTags)
      throw new BadRequest(`The number of tags exceeded the per-server limit ${maximumTags}`);
    await trx('servers').where({ id: server.id }).update({ tags, updated_at: trx.fn.now() });
    return tags;
  });
}

export async function removeTag(deps: ServerDeps, ctx: ProjectContext, id: string, tag: string): Promise<void> {
  await changeTags(deps, ctx, id, (tags) => {
    if (!tags.includes(tag)) throw new NotFound('Tag', tag);
    return tags.filter((one) => one !== tag);
  });
}

/** An administrator's word on the server's state: in error until something is asked of it, or no longer in error. */
export async function resetState(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  state: 'active' | 'error',
): Promise<void> {
  await db.transaction(async (trx) => {
    const server = await lockServer(trx, visibleTo(ctx), id);
    // Its host looks again, also at what it had given up: a reset that hides a failure would be a lie for long.
    const healed = { marked_error_at: null, is_faulty: false, failing_since: null, revision: server.revision + 1 };
    await trx('servers')
      .where({ id: server.id })
      .update({ ...(state === 'error' ? { marked_error_at: trx.fn.now() } : healed), updated_at: trx.fn.now() });
    await notify(trx, 'servers', server.id);
    const { revision } = server;
    await recordAction(trx, ctx, { serverId: server.id, action: 'resetState', revision, isDone: true });
  });
}
