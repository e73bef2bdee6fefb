/** Compute hosts by their names, until 2.42 (nova/api/openstack/compute/hosts.py); hypervisors and services tell more since. */
import type { ResponseToolkit } from '@hapi/hapi';
import { Type } from 'typebox';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { computeDialect } from '../../common/http/dialect.ts';
import type { Version } from '../../common/http/microversion.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { changeHost, claimsByProject, listHosts, type ProjectClaims } from '../hosts/store.ts';
import { requireUpTo } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const hostPolicy = definePolicy({
  'os_compute_api:os-hosts:list': admin('List compute hosts by their names'),
  'os_compute_api:os-hosts:show': admin('Show what a compute host has and who takes it'),
  'os_compute_api:os-hosts:update': admin('Enable or disable a compute host'),
  'os_compute_api:os-hosts:start': admin('Start a compute host'),
  'os_compute_api:os-hosts:shutdown': admin('Shut a compute host down'),
  'os_compute_api:os-hosts:reboot': admin('Reboot a compute host'),
});

const lastMinor = 42;
const base = '/v2.1/os-hosts';
const Switch = Type.Enum(['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE']);
const Changes = Type.Object(
  { status: Type.Optional(Switch), maintenance_mode: Type.Optional(Switch) },
  { ...closed, minProperties: 1 },
);

const powerActions = [
  { word: 'startup', rule: hostPolicy['os_compute_api:os-hosts:start'] },
  { word: 'shutdown', rule: hostPolicy['os_compute_api:os-hosts:shutdown'] },
  { word: 'reboot', rule: hostPolicy['os_compute_api:os-hosts:reboot'] },
] as const;

export const hostRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: hostPolicy['os_compute_api:os-hosts:list'],
    summary: 'List compute hosts that are not disabled, until 2.42; `zone` narrows it',
    status: 200,
    async handler({ query, version }) {
      requireUpTo(version, lastMinor);
      const zone = one(query.zone);
      const hosts = (await listHosts(db)).filter((host) => !host.isDisabled && (!zone || host.zone === zone));
      return { hosts: hosts.map((host) => ({ host_name: host.name, service: 'compute', zone: host.zone })) };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{host}`,
    rule: hostPolicy['os_compute_api:os-hosts:show'],
    summary: 'Show what a compute host has and which projects take it, until 2.42',
    status: 200,
    async handler({ params, version }) {
      const host = await hostOf(db, params.host, version);
      const claims = await claimsByProject(db, host.id);
      return { host: resourcesOf(host, claims).map((resource) => ({ resource })) };
    },
  }),
  route({
    method: 'PUT',
    path: `${base}/{host}`,
    rule: hostPolicy['os_compute_api:os-hosts:update'],
    summary: 'Enable or disable a compute host, until 2.42; there is no maintenance mode',
    body: Changes,
    status: 200,
    async handler({ params, body, version }, h) {
      const host = await hostOf(db, params.host, version);
      if (body.maintenance_mode !== undefined) return notSupported(h);
      const isDisabled = body.status?.toLowerCase() === 'disable';
      await changeHost(db, host.id, { isDisabled, disabledReason: null });
      return { host: host.name, status: isDisabled ? 'disabled' : 'enabled' };
    },
  }),
  ...powerActions.map(({ word, rule }) =>
    route({
      method: 'GET',
      path: `${base}/{host}/${word}`,
      rule,
      summary: `Refused, as Nova does where hosts run libvirt: ${word} of a compute host`,
      status: 501,
      async handler({ params, version }, h) {
        await hostOf(db, params.host, version);
        return notSupported(h);
      },
    }),
  ),
];

async function hostOf(db: Knex, name = '', version: Version): Promise<ComputeHost> {
  requireUpTo(version, lastMinor);
  const host = (await listHosts(db)).find((one) => one.name === name);
  if (host === undefined) throw new NotFound('Compute host', name);
  return host;
}

/** What there is, what is claimed, and by whom; `(used_max)` is what Nova calls the sum of that. */
function resourcesOf(host: ComputeHost, claims: readonly ProjectClaims[]) {
  const of = (project: string, cpu: number, memory_mb: number, disk_gb: number) => ({
    host: host.name,
    project,
    cpu: Math.ceil(cpu),
    memory_mb,
    disk_gb,
  });
  const claimed = [host.claimedVcpus, host.claimedMemoryMib, host.claimedDiskGib] as const;
  return [
    of('(total)', host.vcpus, host.memoryMib, host.diskGib),
    of('(used_now)', ...claimed),
    of('(used_max)', ...claimed),
    ...claims.map((one) => of(one.projectId, one.vcpus, one.memoryMib, one.diskGib)),
  ];
}

function notSupported(h: ResponseToolkit) {
  const failure = { status: 501, message: 'The requested functionality is not supported.', type: '', requestId: '' };
  return h.response(computeDialect(failure) as object).code(501);
}
