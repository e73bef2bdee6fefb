/** SQL of resource providers: hosts of Compute, and who takes what of them. */
import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { ComputeHost } from '../../compute/hosts/host.ts';
import { getHosts, listHosts } from '../../compute/hosts/store.ts';
import type { Provider } from './provider.ts';

/** All of them by name; two queries, whatever their number. */
export async function listProviders(db: Knex): Promise<Provider[]> {
  return withAggregates(db, await listHosts(db));
}

/** Those of them that are there. */
export async function getProviders(db: Knex, ids: readonly string[]): Promise<Provider[]> {
  return withAggregates(db, await getHosts(db, ids));
}

/** Throws `NotFound`. */
export async function getProvider(db: Knex, id: string): Promise<Provider> {
  const [provider] = isUuid(id) ? await getProviders(db, [id]) : [];
  if (provider === undefined) throw new NotFound('Resource provider', id);
  return provider;
}

/** The same with its row locked, for a change of it. Throws `NotFound`. */
export async function lockProvider(trx: Knex, id: string): Promise<Provider> {
  if (isUuid(id)) await trx('compute_hosts').where({ id }).forNoKeyUpdate().select('id');
  return getProvider(trx, id);
}

async function withAggregates(db: Knex, hosts: readonly ComputeHost[]): Promise<Provider[]> {
  const sql = `select h.host_id, array_agg(a.id::text order by a.number) as ids
    from compute_aggregate_hosts h join compute_aggregates a on a.number = h.aggregate_number
    where h.host_id = any(:hostIds::uuid[]) group by h.host_id`;
  const { rows } = await preparedQuery(db, 'aggregates of providers', sql, { hostIds: hosts.map(({ id }) => id) });
  const ids = new Map<string, string[]>(rows.map((row) => [row.host_id, row.ids]));
  return hosts.map((host) => ({ ...host, aggregateIds: ids.get(host.id) ?? [] }));
}

/** What one guest takes of one host; one that moves takes of two. */
export interface Consumption {
  consumerId: string;
  providerId: string;
  kind: 'server' | 'move' | 'container';
  projectId: string;
  userId: string;
  resources: Record<string, number>;
}

/** Everything that is taken of a provider, by a consumer, or by a project or user of it. */
export async function listConsumptions(
  db: Knex,
  by: { providerId?: string; consumerId?: string; projectId?: string; userId?: string },
): Promise<Consumption[]> {
  const { providerId = null, consumerId = null, projectId = null, userId = null } = by;
  const { rows } = await preparedQuery(db, `consumptions by ${Object.keys(by).sort().join()}`, consumptionsSql(by), {
    ...(by.providerId !== undefined && { providerId }),
    ...(by.consumerId !== undefined && { consumerId }),
    ...(by.projectId !== undefined && { projectId }),
    ...(by.userId !== undefined && { userId }),
  });
  return rows.map((row) => ({
    consumerId: row.id,
    providerId: row.host_id,
    kind: row.kind,
    projectId: row.project_id,
    userId: row.user_id,
    resources: taken({ VCPU: Math.ceil(row.vcpus), MEMORY_MB: row.memory_mib, DISK_GB: row.disk_gib }),
  }));
}

/** Conditions that are not asked for are left out, or no index would help. */
function consumptionsSql(by: object): string {
  const conditions = {
    providerId: 'c.host_id = :providerId::uuid',
    consumerId: 'c.id = :consumerId::uuid',
    projectId: 'c.project_id = :projectId',
    userId: 'coalesce(s.user_id, k.user_id) = :userId',
  };
  const asked = Object.entries(conditions).filter(([name]) => Object.hasOwn(by, name));
  return `select c.*, coalesce(s.user_id, k.user_id) as user_id
    from compute_claims c
    left join servers s on s.id = c.id
    left join containers k on k.id = c.id
    where c.host_id is not null and ${asked.map(([, condition]) => condition).join(' and ')}
    order by c.kind desc, c.id`; // a server before its move
}

/** Nothing is taken of what a guest takes nothing of. */
function taken(resources: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0));
}
