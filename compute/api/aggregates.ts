import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import type { Aggregate } from '../aggregates/aggregate.ts';
import { queueImages } from '../aggregates/images.ts';
import {
  addHost,
  createAggregate,
  deleteAggregate,
  removeHost,
  setAggregateMetadata,
  updateAggregate,
} from '../aggregates/operations.ts';
import { getAggregate, listAggregates } from '../aggregates/store.ts';
import { requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed, HostName, Name, NullableMetadata, uuidPattern, ZoneName } from './fields.ts';

export const aggregatePolicy = definePolicy({
  'os_compute_api:os-aggregates:index': admin('List aggregates'),
  'os_compute_api:os-aggregates:show': admin('Show an aggregate'),
  'os_compute_api:os-aggregates:create': admin('Create an aggregate'),
  'os_compute_api:os-aggregates:update': admin('Change the name or the zone of an aggregate'),
  'os_compute_api:os-aggregates:delete': admin('Delete an aggregate'),
  'os_compute_api:os-aggregates:add_host': admin('Put a host into an aggregate'),
  'os_compute_api:os-aggregates:remove_host': admin('Take a host out of an aggregate'),
  'os_compute_api:os-aggregates:set_metadata': admin('Change the metadata of an aggregate'),
  'compute:aggregates:images': admin('Send images to the hosts of an aggregate'),
});

const Zone = Type.Union([Type.Null(), ZoneName]);
const CreateAggregate = Type.Object(
  { aggregate: Type.Object({ name: Name, availability_zone: Type.Optional(Zone) }, closed) },
  closed,
);
const UpdateAggregate = Type.Object(
  {
    aggregate: Type.Object(
      { name: Type.Optional(Name), availability_zone: Type.Optional(Zone) },
      { ...closed, minProperties: 1 },
    ),
  },
  closed,
);
const Host = Type.Object({ host: HostName }, closed);
const AggregateAction = Type.Union([
  Type.Object({ add_host: Host }, closed),
  Type.Object({ remove_host: Host }, closed),
  Type.Object({ set_metadata: Type.Object({ metadata: NullableMetadata }, closed) }, closed),
]);

const Images = Type.Object(
  {
    cache: Type.Array(Type.Object({ id: Type.String({ pattern: uuidPattern }) }, closed), {
      minItems: 1,
      maxItems: 100,
    }),
  },
  closed,
);

const one = '/v2.1/os-aggregates/{aggregate_id}';

export const aggregateRoutes = ({ db, enforcer }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-aggregates',
    rule: aggregatePolicy['os_compute_api:os-aggregates:index'],
    summary: 'List aggregates',
    status: 200,
    async handler({ version }) {
      return { aggregates: (await listAggregates(db)).map((aggregate) => aggregateView(aggregate, version)) };
    },
  }),
  route({
    method: 'POST',
    path: '/v2.1/os-aggregates',
    rule: aggregatePolicy['os_compute_api:os-aggregates:create'],
    summary: 'Create an aggregate',
    body: CreateAggregate,
    status: 200,
    async handler({ body, version }) {
      const { name, availability_zone: zone = null } = body.aggregate;
      const { hosts: _, metadata: __, ...view } = aggregateView(await createAggregate(db, name, zone), version);
      return { aggregate: view }; // which a new one has not, or has told already
    },
  }),
  route({
    method: 'GET',
    path: one,
    rule: aggregatePolicy['os_compute_api:os-aggregates:show'],
    summary: 'Show an aggregate',
    status: 200,
    async handler({ params, version }) {
      return { aggregate: aggregateView(await getAggregate(db, numberOf(params)), version) };
    },
  }),
  route({
    method: 'PUT',
    path: one,
    rule: aggregatePolicy['os_compute_api:os-aggregates:update'],
    summary: 'Change the name or the zone of an aggregate',
    body: UpdateAggregate,
    status: 200,
    async handler({ params, body, version }) {
      const { name, availability_zone: zone } = body.aggregate;
      return { aggregate: aggregateView(await updateAggregate(db, numberOf(params), { name, zone }), version) };
    },
  }),
  route({
    method: 'DELETE',
    path: one,
    rule: aggregatePolicy['os_compute_api:os-aggregates:delete'],
    summary: 'Delete an aggregate without hosts',
    status: 200,
    async handler({ params }, h) {
      await deleteAggregate(db, numberOf(params));
      return h.response().code(200);
    },
  }),
  route({
    method: 'POST',
    path: `${one}/action`,
    rule: aggregatePolicy['os_compute_api:os-aggregates:add_host'],
    summary: 'add_host, remove_host, set_metadata',
    body: AggregateAction,
    status: 200,
    async handler({ ctx, params, body, version }) {
      const number = numberOf(params);
      const answer = (aggregate: Aggregate) => ({ aggregate: aggregateView(aggregate, version) });
      if ('add_host' in body) return answer(await addHost(db, number, body.add_host.host));
      if ('remove_host' in body) {
        enforcer.authorize(ctx, aggregatePolicy['os_compute_api:os-aggregates:remove_host']);
        return answer(await removeHost(db, number, body.remove_host.host));
      }
      enforcer.authorize(ctx, aggregatePolicy['os_compute_api:os-aggregates:set_metadata']);
      return answer(await setAggregateMetadata(db, number, body.set_metadata.metadata));
    },
  }),
  route({
    method: 'POST',
    path: `${one}/images`,
    rule: aggregatePolicy['compute:aggregates:images'],
    summary: 'From 2.81, have the hosts of an aggregate fetch images before they are needed',
    body: Images,
    status: 202,
    async handler({ params, body, version }, h) {
      requireSince(version, 81);
      await queueImages(
        db,
        numberOf(params),
        body.cache.map(({ id }) => id.toLowerCase()),
      );
      return h.response().code(202);
    },
  }),
];

/** Throws `BadRequest` for what is no number, as Nova does. */
function numberOf({ aggregate_id: text = '' }: Record<string, string>): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new BadRequest(`id must be an integer`);
}

function aggregateView(aggregate: Aggregate, version: Version) {
  return {
    id: aggregate.number,
    ...(since(version, 2, 41) && { uuid: aggregate.id }),
    name: aggregate.name,
    availability_zone: aggregate.metadata.availability_zone ?? null,
    metadata: aggregate.metadata,
    hosts: aggregate.hosts,
    created_at: isoMicros(aggregate.createdAt),
    updated_at: aggregate.updatedAt && isoMicros(aggregate.updatedAt),
    deleted: false,
    deleted_at: null,
  };
}
