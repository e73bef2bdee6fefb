import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { Rule } from '../../common/policy/rules.ts';
import type { NetworkDeps } from '../deps.ts';
import { visibleFloatingIps } from '../floating-ips/store.ts';
import { visibleNetworks } from '../networks/store.ts';
import { visiblePorts } from '../ports/store.ts';
import { visibleRouters } from '../routers/store.ts';
import { visibleGroups } from '../security-groups/store.ts';
import { visibleSubnets } from '../subnets/store.ts';

/** What can be tagged, by its name in the path: how its rows are seen, its table, and its name in `…NotFound`. */
export const taggable = {
  networks: { rows: visibleNetworks, table: 'networks', idColumn: 'n.id', resource: 'Network' },
  subnets: { rows: visibleSubnets, table: 'subnets', idColumn: 's.id', resource: 'Subnet' },
  ports: { rows: visiblePorts, table: 'ports', idColumn: 'p.id', resource: 'Port' },
  routers: { rows: visibleRouters, table: 'routers', idColumn: 'r.id', resource: 'Router' },
  floatingips: { rows: visibleFloatingIps, table: 'floating_ips', idColumn: 'f.id', resource: 'Floating IP' },
  'security-groups': { rows: visibleGroups, table: 'security_groups', idColumn: 'g.id', resource: 'Security Group' },
} as const;

export type Taggable = keyof typeof taggable;

/** Throws `NotFound` for what the caller may not see. */
export async function tagsFor(db: Knex, ctx: ProjectContext, type: Taggable, id: string): Promise<string[]> {
  return (await visibleRow(db, ctx, type, id)).tags;
}

/**
 * Runs `work` on the tags of an object that the caller may see and change: seeing somebody else's shared network is no right
 * to tag it. The object counts as updated, but nothing of it on the engine has changed.
 */
export async function changeTags<T>(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  rule: Rule,
  { type, id }: { type: Taggable; id: string },
  work: (trx: Knex) => Promise<T>,
): Promise<T> {
  return await db.transaction(async (trx) => {
    const row = await visibleRow(trx, ctx, type, id);
    enforcer.authorize(ctx, rule, { project_id: row.project_id });
    // Also a lock: the object is not deleted meanwhile.
    await trx(taggable[type].table).where({ id }).update({ updated_at: trx.fn.now() });
    return await work(trx);
  });
}

async function visibleRow(
  db: Knex,
  ctx: ProjectContext,
  type: Taggable,
  id: string,
): Promise<{ tags: string[]; project_id: string }> {
  const { rows, idColumn, resource } = taggable[type];
  const row = isUuid(id) ? await rows(db, visibleTo(ctx)).where(idColumn, id).first() : undefined;
  if (row === undefined) throw new NotFound(resource, id);
  return row;
}
