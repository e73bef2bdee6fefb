/** The agents of compute hosts, as `nova-compute` services: the only ones whose coming and going Nova's API shows. */

import { Type } from 'typebox';
import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { isUuid } from '../../common/ids.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import type { ComputeHost, HostChanges } from '../hosts/host.ts';
import { changeHost, deleteHost, listHosts } from '../hosts/store.ts';
import { checkBody, checkQuery, requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { BooleanLike, closed, HostName } from './fields.ts';

export const servicePolicy = definePolicy({
  'os_compute_api:os-services:list': admin('List the agents of compute hosts'),
  'os_compute_api:os-services:update': admin('Enable, disable or force down a compute host'),
  'os_compute_api:os-services:delete': admin('Forget a compute host'),
});
const update = servicePolicy['os_compute_api:os-services:update'];

const binary = 'nova-compute';
const Reason = Type.String({ minLength: 1, maxLength: 255 });
const named = { host: HostName, binary: Type.String({ minLength: 1, maxLength: 255 }) };
const ServiceByName = Type.Object({ ...named, disabled_reason: Type.Optional(Reason) }, closed);
/** From 2.11. */
const ServiceByNameForced = Type.Object(
  { ...named, disabled_reason: Type.Optional(Reason), forced_down: Type.Optional(BooleanLike) },
  closed,
);
/** From 2.53. */
const ServiceChanges = Type.Object(
  {
    status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])),
    disabled_reason: Type.Optional(Reason),
    forced_down: Type.Optional(BooleanLike),
  },
  closed,
);

interface NamedService {
  host: string;
  binary: string;
  disabled_reason?: string;
  forced_down?: boolean | string;
}

/** What each of the words in the path does until 2.52, and what of it is answered. */
const actions: Record<string, (body: NamedService) => { changes: HostChanges; answer: object }> = {
  enable: () => ({ changes: { isDisabled: false, disabledReason: null }, answer: { status: 'enabled' } }),
  disable: () => ({ changes: { isDisabled: true, disabledReason: null }, answer: { status: 'disabled' } }),
  'disable-log-reason': ({ disabled_reason: reason }) => {
    if (reason === undefined) throw new BadRequest('Missing disabled reason field');
    return {
      changes: { isDisabled: true, disabledReason: reason },
      answer: { status: 'disabled', disabled_reason: reason },
    };
  },
  'force-down': ({ forced_down: forced }) => {
    if (forced === undefined) throw new BadRequest('Missing forced_down field');
    return { changes: { isForcedDown: isYes(forced) }, answer: { forced_down: isYes(forced) } };
  },
};

export const serviceRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-services',
    rule: servicePolicy['os_compute_api:os-services:list'],
    summary: 'List the agents of compute hosts; `host` and `binary` narrow it',
    status: 200,
    async handler({ query, version }) {
      checkQuery(version, query, ['host', 'binary']);
      const [host, wanted] = [one(query.host), one(query.binary)];
      if (wanted && wanted !== binary) return { services: [] };
      const hosts = (await listHosts(db)).filter(({ name }) => !host || host === name);
      return { services: hosts.map((item) => serviceView(item, version)) };
    },
  }),
  ...Object.entries(actions).map(([word, actionOf]) =>
    route({
      method: 'PUT',
      path: `/v2.1/os-services/${word}`,
      rule: update,
      summary: `Until 2.52, a compute host by its name: ${word}`,
      body: ServiceByNameForced,
      status: 200,
      async handler({ body, version }) {
        if (since(version, 2, 53)) throw new BadRequest(`Invalid uuid ${word}`);
        if (word === 'force-down') requireSince(version, 11);
        checkBody(version, body, [ServiceByName, [11, ServiceByNameForced]]);
        const { changes, answer } = actionOf(body);
        if (body.binary !== binary)
          throw new BadRequest(
            `Updating a ${body.binary} service is not supported. Only nova-compute services can be updated.`,
          );
        const host = (await listHosts(db)).find(({ name }) => name === body.host);
        if (host === undefined) throw new NotFound(`Host binary ${binary} on host`, body.host);
        await changeHost(db, host.id, changes);
        return { service: { host: body.host, binary, ...answer } };
      },
    }),
  ),
  route({
    method: 'PUT',
    path: '/v2.1/os-services/{service_id}',
    rule: update,
    summary: 'From 2.53, enable, disable or force down a compute host',
    body: ServiceChanges,
    status: 200,
    async handler({ params, body, version }) {
      requireSince(version, 53);
      const host = await hostOf(db, params.service_id ?? '', version);
      await changeHost(db, host.id, changesOf(body));
      return { service: serviceView(await hostOf(db, host.id, version), version) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/os-services/{service_id}',
    rule: servicePolicy['os_compute_api:os-services:delete'],
    summary: 'Forget a compute host without guests; its agent, if it still runs, makes it known again',
    status: 204,
    async handler({ params, version }, h) {
      await deleteHost(db, (await hostOf(db, params.service_id ?? '', version)).id);
      return noContent(h);
    },
  }),
];

/** By its UUID from 2.53 on, by its number before. */
async function hostOf(db: Knex, id: string, version: Version): Promise<ComputeHost> {
  const byUuid = since(version, 2, 53);
  if (byUuid && !isUuid(id)) throw new BadRequest(`Invalid uuid ${id}`);
  if (!byUuid && !/^\d{1,9}$/.test(id)) throw new BadRequest('id must be an integer');
  const host = (await listHosts(db)).find((item) =>
    byUuid ? item.id === id.toLowerCase() : item.number === Number(id),
  );
  if (host === undefined) throw new NotFound('Service', id);
  return host;
}

function changesOf(asked: {
  status?: 'enabled' | 'disabled';
  disabled_reason?: string;
  forced_down?: boolean | string;
}): HostChanges {
  if (asked.status === 'enabled' && asked.disabled_reason !== undefined)
    throw new BadRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.");
  if (asked.status === undefined && asked.forced_down === undefined)
    throw new BadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.");
  return {
    ...(asked.status !== undefined && {
      isDisabled: asked.status === 'disabled',
      disabledReason: asked.disabled_reason ?? null,
    }),
    ...(asked.forced_down !== undefined && { isForcedDown: isYes(asked.forced_down) }),
  };
}

function serviceView(host: ComputeHost, version: Version) {
  return {
    id: since(version, 2, 53) ? host.id : host.number,
    binary,
    host: host.name,
    zone: host.zone,
    status: host.isDisabled ? 'disabled' : 'enabled',
    state: host.isUp ? 'up' : 'down',
    updated_at: isoMicros(host.heartbeatAt),
    disabled_reason: host.disabledReason,
    ...(since(version, 2, 11) && { forced_down: host.isForcedDown }),
  };
}
