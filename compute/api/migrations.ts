/** Servers' ways from host to host (nova/api/openstack/compute/migrations.py). */
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { linkedPage, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { isUuid } from '../../common/ids.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { listMoves, type MoveFilter } from '../servers/moves/listing.ts';
import { liveStatuses, type Move } from '../servers/moves/move.ts';
import { checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { linksOf, type Url } from './links.ts';

export const migrationPolicy = definePolicy({
  'os_compute_api:os-migrations:index': admin('List the ways of servers from host to host'),
});

const filters = ['hidden', 'host', 'instance_uuid', 'source_compute', 'status', 'migration_type'];
const paging = ['limit', 'marker', 'changes-since'];

export const migrationRoutes = ({ db, url }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-migrations',
    rule: migrationPolicy['os_compute_api:os-migrations:index'],
    summary: 'List the ways of servers from host to host, newest first',
    status: 200,
    async handler({ query, version, request }) {
      const isPaged = since(version, 2, 59);
      const known = [...filters, ...paging];
      if (since(version, 2, 66)) known.push('changes-before');
      if (since(version, 2, 80)) known.push('user_id', 'project_id');
      checkQuery(version, query, known, { since: 59 });
      const page = isPaged ? pageRequest(query) : { limit: 1000, marker: undefined };
      if (page.marker !== undefined && !isUuid(page.marker))
        throw new BadRequest(`Marker ${page.marker} could not be found.`);
      const { moves, more } = await listMoves(db, filterOf(query, version), page);
      const views = moves.map((move) => migrationView(move, version, url));
      if (!isPaged) return { migrations: views };
      return linkedPage('migrations', views, {
        more,
        marker: moves.at(-1)?.id,
        url: request.url,
        base: `${url.versioned}/os-migrations`,
        limit: page.limit,
      });
    },
  }),
];

function filterOf(query: Record<string, unknown>, version: Version): MoveFilter {
  const changesSince = since(version, 2, 59) ? timeOf(query, 'changes-since') : undefined;
  const changesBefore = since(version, 2, 66) ? timeOf(query, 'changes-before') : undefined;
  if (changesSince && changesBefore && changesSince > changesBefore)
    throw new BadRequest('The value of changes-since must be less than or equal to changes-before.');
  return {
    status: one(query.status),
    kind: one(query.migration_type),
    serverId: one(query.instance_uuid),
    hostName: one(query.host),
    sourceHost: one(query.source_compute),
    ...(since(version, 2, 80) && { userId: one(query.user_id), projectId: one(query.project_id) }),
    changesSince,
    changesBefore,
  };
}

function timeOf(query: Record<string, unknown>, name: string): Date | undefined {
  const text = one(query[name]);
  if (text === undefined) return undefined;
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text);
  const time = new Date(hasZone ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new BadRequest(`Invalid input for query parameter ${name}. Value: ${text}.`);
  return time;
}

/** Flavors have no numbers here, so there are none to show. */
function migrationView(move: Move, version: Version, url: Url) {
  const isLive = move.kind === 'live-migration' && (liveStatuses as readonly string[]).includes(move.status);
  return {
    ...hostsOf(move),
    id: move.number,
    instance_uuid: move.serverId,
    new_instance_type_id: null,
    old_instance_type_id: null,
    status: move.status,
    ...timesOf(move),
    ...(since(version, 2, 23) && {
      migration_type: move.kind,
      ...(isLive && { links: linksOf(url, `servers/${move.serverId}/migrations/${move.number}`) }),
    }),
    ...ownersOf(move, version),
  };
}

export function hostsOf(move: Move) {
  return {
    source_compute: move.sourceHost,
    source_node: move.sourceHost,
    dest_compute: move.destinationHost,
    dest_node: move.destinationHost,
    dest_host: null,
  };
}

export function timesOf(move: Move) {
  return { created_at: isoMicros(move.createdAt), updated_at: isoMicros(move.updatedAt) };
}

export function ownersOf(move: Move, version: Version) {
  return {
    ...(since(version, 2, 59) && { uuid: move.id }),
    ...(since(version, 2, 80) && { user_id: move.userId, project_id: move.projectId }),
  };
}
