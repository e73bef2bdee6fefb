import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { flag, linkedPage, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { callHost } from '../hosts/calls.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { type HostedServer, listHosts, serversOnHosts } from '../hosts/store.ts';
import { checkQuery, requireUpTo } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { hypervisorStatistics, hypervisorSummary, hypervisorView } from './hypervisor-view.ts';

export const hypervisorPolicy = definePolicy({
  'os_compute_api:os-hypervisors:list': admin('List hypervisors'),
  'os_compute_api:os-hypervisors:list-detail': admin('List hypervisors with details'),
  'os_compute_api:os-hypervisors:statistics': admin('Sum up all hypervisors'),
  'os_compute_api:os-hypervisors:uptime': admin('Ask how long a hypervisor has been up'),
  'os_compute_api:os-hypervisors:show': admin('Show a hypervisor'),
  'os_compute_api:os-hypervisors:search': admin('Search hypervisors by a part of their names'),
  'os_compute_api:os-hypervisors:servers': admin('List the servers on hypervisors'),
});

const lists = [
  { suffix: '', rule: hypervisorPolicy['os_compute_api:os-hypervisors:list'], view: hypervisorSummary },
  { suffix: '/detail', rule: hypervisorPolicy['os_compute_api:os-hypervisors:list-detail'], view: hypervisorView },
] as const;

export const hypervisorRoutes = ({ db, url }: ComputeApiDeps) => [
  ...lists.map(({ suffix, rule, view }) =>
    route({
      method: 'GET',
      path: `/v2.1/os-hypervisors${suffix}`,
      rule,
      summary: suffix === '' ? 'List hypervisors' : 'List hypervisors with details',
      status: 200,
      async handler({ query, version, request }) {
        const { hosts, page } = await listed(db, query, version);
        const servers = await wantedServers(db, query, version, hosts);
        const views = hosts.map((host) => ({
          ...view(host, version),
          ...serversPart(servers?.get(host.id), version, servers),
        }));
        const base = `${url.versioned}/os-hypervisors${suffix}`;
        return linkedPage('hypervisors', views, {
          ...page,
          marker: idOf(hosts.at(-1), version),
          url: request.url,
          base,
        });
      },
    }),
  ),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/statistics',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:statistics'],
    summary: 'Sum up all hypervisors, until 2.87',
    status: 200,
    async handler({ version }) {
      requireUpTo(version, 87);
      return { hypervisor_statistics: hypervisorStatistics((await listHosts(db)).filter((host) => !host.isDisabled)) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:show'],
    summary: 'Show a hypervisor',
    status: 200,
    async handler({ params, query, version }) {
      checkQuery(version, query, ['with_servers'], { since: 53 });
      const host = await hostOf(db, params.hypervisor_id ?? '', version);
      const servers = await wantedServers(db, query, version, [host]);
      const part = serversPart(servers?.get(host.id), version, servers);
      return { hypervisor: { ...hypervisorView(host, version), ...part } };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}/uptime',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:uptime'],
    summary: 'Ask a host how long it has been up and how busy it is, until 2.87',
    status: 200,
    async handler({ params, version }) {
      requireUpTo(version, 87);
      const host = await hostOf(db, params.hypervisor_id ?? '', version);
      if (!host.isUp) throw new BadRequest(`Compute service of ${host.name} is unavailable at this time.`);
      return { hypervisor: { ...hypervisorSummary(host, version), uptime: await callHost(db, host.id, 'uptime', {}) } };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}/search',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:search'],
    summary: 'Search hypervisors by a part of their names, until 2.52',
    status: 200,
    async handler({ params, version }) {
      requireUpTo(version, 52);
      const hosts = matching(await listHosts(db), params.hypervisor_id ?? '');
      return { hypervisors: hosts.map((host) => hypervisorSummary(host, version)) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-hypervisors/{hypervisor_id}/servers',
    rule: hypervisorPolicy['os_compute_api:os-hypervisors:servers'],
    summary: 'The servers on hypervisors with this in their names, until 2.52',
    status: 200,
    async handler({ params, version }) {
      requireUpTo(version, 52);
      const hosts = matching(await listHosts(db), params.hypervisor_id ?? '');
      const servers = await serversOnHosts(
        db,
        hosts.map(({ id }) => id),
      );
      const views = hosts.map((host) => ({
        ...hypervisorSummary(host, version),
        ...serversPart(servers.get(host.id), version, undefined),
      }));
      return { hypervisors: views };
    },
  }),
];

/** The part of the list that was asked for: in pages from 2.33 on, or by a pattern from 2.53 on, and not both. */
async function listed(db: Knex, query: Record<string, string | string[]>, version: Version) {
  checkQuery(version, query, ['limit', 'marker', 'hypervisor_hostname_pattern', 'with_servers'], { since: 53 });
  const all = (await listHosts(db)).sort((a, b) => a.number - b.number);
  const whole = { hosts: all, page: { more: false, limit: all.length } };
  if (!since(version, 2, 33)) return whole;
  const { limit, marker } = pageRequest(query);
  const pattern = since(version, 2, 53) ? one(query.hypervisor_hostname_pattern) : undefined;
  if (pattern !== undefined) {
    if (query.limit !== undefined || marker !== undefined)
      throw new BadRequest(
        'Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.',
      );
    return { ...whole, hosts: matching(all, pattern) };
  }
  const before = marker === undefined ? 0 : all.findIndex((host) => idOf(host, version) === marker) + 1;
  if (marker !== undefined && before === 0) throw new BadRequest(`marker [${marker}] not found`);
  const hosts = all.slice(before, before + limit);
  return { hosts, page: { more: limit > 0 && before + limit < all.length, limit } };
}

/** Throws `NotFound` when none has it in its name. */
function matching(hosts: readonly ComputeHost[], part: string): ComputeHost[] {
  const found = hosts.filter(({ name }) => name.includes(part));
  if (found.length === 0) throw new NotFound('Hypervisor matching', `'${part}'`);
  return found;
}

/** By its UUID from 2.53 on, by its number before. */
async function hostOf(db: Knex, id: string, version: Version): Promise<ComputeHost> {
  if (since(version, 2, 53) && !isUuid(id)) throw new BadRequest(`Invalid uuid ${id}`);
  const host = (await listHosts(db)).find((candidate) => idOf(candidate, version) === id.toLowerCase());
  if (host === undefined) throw new NotFound('Hypervisor with ID', id);
  return host;
}

function idOf(host: ComputeHost | undefined, version: Version): string | undefined {
  return host && (since(version, 2, 53) ? host.id : String(host.number));
}

/** Undefined when nobody asked for them. */
async function wantedServers(
  db: Knex,
  query: Record<string, string | string[]>,
  version: Version,
  hosts: readonly ComputeHost[],
): Promise<ReadonlyMap<string, HostedServer[]> | undefined> {
  if (!since(version, 2, 53) || !flag(query.with_servers, 'with_servers')) return undefined;
  return serversOnHosts(
    db,
    hosts.map(({ id }) => id),
  );
}

/** Nothing for a host without servers, but from 2.75 an empty list where they were asked for. */
function serversPart(servers: readonly HostedServer[] = [], version: Version, asked: unknown) {
  if (servers.length === 0) return asked !== undefined && since(version, 2, 75) ? { servers: [] } : {};
  return { servers: servers.map(({ id }) => ({ name: `cs-${id}`, uuid: id })) };
}
