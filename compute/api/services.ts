import { Type } from 'typebox';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { admin, definePolicy, projectReader } from '../../common/policy/rules.ts';
import { listHosts, setHostDisabled } from '../hosts/store.ts';
import { availabilityZone } from '../limits.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

export const servicePolicy = definePolicy({
  'os_compute_api:os-services:list': admin('List the agents of compute hosts'),
  'os_compute_api:os-services:update': admin('Enable or disable a compute host'),
  'os_compute_api:os-availability-zone:list': projectReader('List availability zones'),
  'os_compute_api:os-availability-zone:detail': admin('List availability zones with their hosts'),
  'os_compute_api:os-aggregates:index': admin('List aggregates'),
});

const Service = { host: Type.String({ minLength: 1, maxLength: 255 }), binary: Type.Literal('nova-compute') };
const ServiceState = Type.Object(Service, closed);
const ServiceReason = Type.Object(
  { ...Service, disabled_reason: Type.String({ minLength: 1, maxLength: 255 }) },
  closed,
);

export const serviceRoutes = ({ db }: ComputeApiDeps) => [
  ...(['enable', 'disable'] as const).map((state) =>
    route({
      method: 'PUT',
      path: `/v2.1/os-services/${state}`,
      rule: servicePolicy['os_compute_api:os-services:update'],
      summary: state === 'enable' ? 'Place guests on a host again' : 'Place no more guests on a host',
      body: ServiceState,
      status: 200,
      async handler({ body }) {
        await setHostDisabled(db, body.host, state === 'disable', null);
        return { service: { ...body, status: `${state}d` } };
      },
    }),
  ),
  route({
    method: 'PUT',
    path: '/v2.1/os-services/disable-log-reason',
    rule: servicePolicy['os_compute_api:os-services:update'],
    summary: 'Place no more guests on a host, and say why',
    body: ServiceReason,
    status: 200,
    async handler({ body }) {
      await setHostDisabled(db, body.host, true, body.disabled_reason);
      return { service: { ...body, status: 'disabled' } };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-services',
    rule: servicePolicy['os_compute_api:os-services:list'],
    summary: 'List the agents of compute hosts; `host` and `binary` narrow it',
    status: 200,
    async handler({ query }) {
      const [host, binary] = [one(query.host), one(query.binary)];
      const hosts = (await listHosts(db)).filter(({ name }) => host === undefined || host === name);
      const services = hosts.map((item) => ({
        id: item.number,
        binary: 'nova-compute',
        host: item.name,
        zone: availabilityZone,
        status: item.isDisabled ? 'disabled' : 'enabled',
        state: item.isUp ? 'up' : 'down',
        updated_at: isoMicros(item.heartbeatAt),
        disabled_reason: item.disabledReason,
      }));
      return { services: services.filter((service) => binary === undefined || binary === service.binary) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-availability-zone',
    rule: servicePolicy['os_compute_api:os-availability-zone:list'],
    summary: 'List availability zones',
    status: 200,
    handler: async () => ({
      availabilityZoneInfo: [{ zoneName: availabilityZone, zoneState: { available: true }, hosts: null }],
    }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-availability-zone/detail',
    rule: servicePolicy['os_compute_api:os-availability-zone:detail'],
    summary: 'List availability zones with their hosts',
    status: 200,
    async handler() {
      const hosts = (await listHosts(db)).map(({ name, isUp, isDisabled, heartbeatAt }) => [
        name,
        { 'nova-compute': { available: isUp, active: !isDisabled, updated_at: isoMicros(heartbeatAt) } },
      ]);
      const zone = { zoneName: availabilityZone, zoneState: { available: true }, hosts: Object.fromEntries(hosts) };
      return { availabilityZoneInfo: [zone] };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-aggregates',
    rule: servicePolicy['os_compute_api:os-aggregates:index'],
    summary: 'List aggregates: there are none, nor a way to make one, yet',
    status: 200,
    handler: () => ({ aggregates: [] }),
  }),
];
