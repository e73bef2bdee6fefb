/**
 * What other services say of servers (nova/api/openstack/compute/server_external_events.py). Here they are parts of one program
 * and tell each other through the database, so an event only has the server's host look again at what should be.
 */
import { type Static, Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { notify } from '../../common/database/notifications.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { listHostIds } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed, Uuid } from './fields.ts';

export const serverExternalEventPolicy = definePolicy({
  'os_compute_api:os-server-external-events:create': projectAdmin('Tell that something happened to servers'),
});

/** With the microversion that brought it. */
const since2: Readonly<Record<string, number>> = {
  'network-changed': 1,
  'network-vif-plugged': 1,
  'network-vif-unplugged': 1,
  'network-vif-deleted': 1,
  'volume-extended': 51,
  'power-update': 76,
  'accelerator-request-bound': 82,
  'volume-reimaged': 93,
};

const Event = Type.Object(
  {
    name: Type.Union(Object.keys(since2).map((name) => Type.Literal(name))),
    server_uuid: Uuid,
    status: Type.Optional(Type.Union(['failed', 'completed', 'in-progress'].map((status) => Type.Literal(status)))),
    tag: Type.Optional(Type.String({ maxLength: 255 })),
  },
  closed,
);

export const serverExternalEventRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'POST',
    path: '/v2.1/os-server-external-events',
    rule: serverExternalEventPolicy['os_compute_api:os-server-external-events:create'],
    summary: 'Tell that something happened to servers',
    body: Type.Object({ events: Type.Array(Event, { minItems: 1, maxItems: 1000 }) }, closed),
    status: 200, // 207 when some events were for nobody
    async handler({ ctx, body, version }, h) {
      for (const { name } of body.events) checkName(version, name);
      const hosts = await listHostIds(
        db,
        visibleTo(ctx),
        body.events.map((event) => event.server_uuid.toLowerCase()),
      );
      const events = body.events.map((event) => ({ ...event, ...fateOf(event, hosts) }));
      const accepted = events.filter(({ code }) => code === 200);
      for (const id of new Set(accepted.map((event) => event.server_uuid.toLowerCase())))
        await notify(db, 'servers', id);
      return h.response({ events }).code(accepted.length === events.length ? 200 : 207);
    },
  }),
];

function checkName(version: Version, name: string): void {
  if (!since(version, 2, since2[name] ?? 1))
    throw new BadRequest(`Invalid input for field/attribute name. Value: ${name}. There is no such event yet.`);
}

/** Nova's codes: 404 for no server, 422 for one without a host, 400 for a tag that is missing. */
function fateOf({ server_uuid: id, name, tag }: Static<typeof Event>, hosts: ReadonlyMap<string, string | null>) {
  const hostId = hosts.get(id.toLowerCase());
  if (hostId === undefined) return { status: 'failed', code: 404 };
  if (name === 'volume-extended' && tag === undefined) return { status: 'failed', code: 400 };
  return hostId === null ? { status: 'failed', code: 422 } : { status: 'completed', code: 200 };
}
