import { type ProjectContext, type Visible, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Demand } from '../scheduler/demand.ts';
import { listHostIds } from './store.ts';

/** Where a server is to be, told by other servers. */
export interface ServerHints {
  /** On the host of one of these. */
  sameHost: string[];
  /** On none of the hosts of these. */
  differentHost: string[];
}

export interface SchedulerHints extends ServerHints {
  groupId: string | null;
}

type HintedHosts = Pick<Demand, 'sameHostIds' | 'differentHostIds'>;

/** The hosts that hints name by servers within the caller's reach. Throws `BadRequest` for any other server. */
export async function hintedHosts(trx: Knex, ctx: ProjectContext, hints: ServerHints): Promise<HintedHosts> {
  const hosts = await hostsOfServers(trx, visibleTo(ctx), hints);
  const missing = [...hints.sameHost, ...hints.differentHost].find((id) => !hosts.has(id.toLowerCase()));
  if (missing !== undefined) throw new BadRequest(`Instance ${missing} could not be found.`);
  return demandOf(hints, hosts);
}

/** The same of hints that were good once: servers that are gone since hold nobody, or what was to be with them could go nowhere. */
export async function lastingHosts(trx: Knex, hints: ServerHints): Promise<HintedHosts> {
  const hosts = await hostsOfServers(trx, 'everyone', hints);
  const there = (ids: string[]) => ids.filter((id) => hosts.has(id.toLowerCase()));
  return demandOf({ sameHost: there(hints.sameHost), differentHost: there(hints.differentHost) }, hosts);
}

type Hosts = ReadonlyMap<string, string | null>;

async function hostsOfServers(trx: Knex, visible: Visible, { sameHost, differentHost }: ServerHints): Promise<Hosts> {
  const ids = [...new Set([...sameHost, ...differentHost].map((id) => id.toLowerCase()))];
  return ids.length === 0 ? new Map() : listHostIds(trx, visible, ids);
}

function demandOf({ sameHost, differentHost }: ServerHints, hosts: Hosts): HintedHosts {
  const of = (ids: string[]) =>
    new Set(ids.map((id) => hosts.get(id.toLowerCase())).filter((id) => id !== null && id !== undefined));
  return {
    ...(sameHost.length > 0 && { sameHostIds: of(sameHost) }),
    ...(differentHost.length > 0 && { differentHostIds: of(differentHost) }),
  };
}
