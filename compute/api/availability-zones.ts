import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { admin, definePolicy, projectReader } from '../../common/policy/rules.ts';
import type { ComputeHost } from '../hosts/host.ts';
import { listHosts } from '../hosts/store.ts';
import { availabilityZone } from '../limits.ts';
import type { ComputeApiDeps } from './deps.ts';

export const availabilityZonePolicy = definePolicy({
  'os_compute_api:os-availability-zone:list': projectReader('List availability zones'),
  'os_compute_api:os-availability-zone:detail': admin('List availability zones with their hosts'),
});

export const availabilityZoneRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-availability-zone',
    rule: availabilityZonePolicy['os_compute_api:os-availability-zone:list'],
    summary: 'List availability zones',
    status: 200,
    async handler() {
      const zones = zonesOf(await listHosts(db));
      return { availabilityZoneInfo: zones.map(({ name, isAvailable }) => zoneView(name, isAvailable, null)) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-availability-zone/detail',
    rule: availabilityZonePolicy['os_compute_api:os-availability-zone:detail'],
    summary: 'List availability zones with their hosts',
    status: 200,
    async handler() {
      const zones = zonesOf(await listHosts(db)).map(({ name, isAvailable, hosts }) =>
        zoneView(name, isAvailable, isAvailable ? Object.fromEntries(hosts.map(hostView)) : null),
      );
      return { availabilityZoneInfo: zones };
    },
  }),
];

interface Zone {
  name: string;
  /** Some host of it takes guests as far as administrators are concerned: that is what Nova means by it. */
  isAvailable: boolean;
  /** Those that are not disabled. */
  hosts: ComputeHost[];
}

/** Available ones first. The default zone is there also while it has no host: it may be asked for. */
function zonesOf(all: readonly ComputeHost[]): Zone[] {
  const byZone = Map.groupBy(all, (host) => host.zone);
  if (byZone.size === 0) byZone.set(availabilityZone, []);
  const zones = [...byZone].map(([name, members]) => {
    const hosts = members.filter((host) => !host.isDisabled);
    return { name, hosts, isAvailable: hosts.length > 0 };
  });
  return zones.sort((a, b) => Number(b.isAvailable) - Number(a.isAvailable) || (a.name < b.name ? -1 : 1));
}

function zoneView(zoneName: string, available: boolean, hosts: object | null) {
  return { zoneName, zoneState: { available }, hosts };
}

function hostView({ name, isUp, isDisabled, heartbeatAt }: ComputeHost) {
  return [
    name,
    { 'nova-compute': { available: isUp, active: !isDisabled, updated_at: isoMicros(heartbeatAt) } },
  ] as const;
}
