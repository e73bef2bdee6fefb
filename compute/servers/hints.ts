import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Demand } from '../scheduler/demand.ts';

/** Where a server is to be, told by other servers. */
export interface SchedulerHints {
  groupId: string | null;
  /** On the host of one of these. */
  sameHost: string[];
  /** On none of the hosts of these. */
  differentHost: string[];
}

/** The hosts that hints name by servers within the caller's reach. Throws `BadRequest` for any other server. */
export async function hintedHosts(
  trx: Knex,
  ctx: ProjectContext,
  { sameHost, differentHost }: Omit<SchedulerHints, 'groupId'>,
): Promise<Pick<Demand, 'sameHostIds' | 'differentHostIds'>> {
  const named = [...new Set([...sameHost, ...differentHost].map((id) => id.toLowerCase()))];
  if (named.length === 0) return {};
  const visible = visibleTo(ctx);
  const query = trx('servers').whereRaw('id = any(?::uuid[])', [named]).select('id', 'host_id');
  if (visible !== 'everyone') query.where({ project_id: visible.projectId });
  const hosts = new Map((await query).map((row) => [row.id as string, row.host_id as string | null]));
  const missing = named.find((id) => !hosts.has(id));
  if (missing !== undefined) throw new BadRequest(`Instance ${missing} could not be found.`);
  const of = (ids: string[]) =>
    new Set(ids.map((id) => hosts.get(id.toLowerCase())).filter((id) => id !== null && id !== undefined));
  return {
    ...(sameHost.length > 0 && { sameHostIds: of(sameHost) }),
    ...(differentHost.length > 0 && { differentHostIds: of(differentHost) }),
  };
}
