/** Servers on their way to another host while they run (nova/api/openstack/compute/server_migrations.py). */
import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { listLiveMoves } from '../servers/moves/listing.ts';
import { abortLiveMigration, forceLiveMigration, getMoveOf } from '../servers/moves/live-wishes.ts';
import { liveStatuses, type Move } from '../servers/moves/move.ts';
import { getServer } from '../servers/store.ts';
import { requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';
import { hostsOf, ownersOf, timesOf } from './migrations.ts';

export const serverMigrationPolicy = definePolicy({
  'os_compute_api:servers:migrations:index': projectAdmin('List the live migration of a server'),
  'os_compute_api:servers:migrations:show': projectAdmin('Show the live migration of a server'),
  'os_compute_api:servers:migrations:force_complete': projectAdmin('Let a server wait so that its live migration ends'),
  'os_compute_api:servers:migrations:delete': projectAdmin('Call off the live migration of a server'),
});

const base = '/v2.1/servers/{server_id}/migrations';

export const serverMigrationRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: serverMigrationPolicy['os_compute_api:servers:migrations:index'],
    summary: 'List the live migration that a server is on (2.23)',
    status: 200,
    async handler({ ctx, params, version }) {
      requireSince(version, 23);
      const { id } = await getServer(deps.db, visibleTo(ctx), params.server_id ?? '');
      return { migrations: (await listLiveMoves(deps.db, id)).map((move) => liveMigrationView(move, version)) };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{migration_id}`,
    rule: serverMigrationPolicy['os_compute_api:servers:migrations:show'],
    summary: 'Show the live migration that a server is on (2.23)',
    status: 200,
    async handler({ ctx, params, version }) {
      requireSince(version, 23);
      const serverId = params.server_id ?? '';
      const move = await getMoveOf(deps.db, ctx, serverId, params.migration_id ?? '');
      const isUnderWay = move.kind === 'live-migration' && (liveStatuses as readonly string[]).includes(move.status);
      if (!isUnderWay) throw new NotFound(`Live migration ${move.number} in progress for server`, serverId);
      return { migration: liveMigrationView(move, version) };
    },
  }),
  route({
    method: 'POST',
    path: `${base}/{migration_id}/action`,
    rule: serverMigrationPolicy['os_compute_api:servers:migrations:force_complete'],
    summary: 'Let a server wait so that its live migration comes to an end (2.22)',
    body: Type.Object({ force_complete: Type.Null() }, closed),
    status: 202,
    async handler({ ctx, params, version }, h) {
      requireSince(version, 22);
      await forceLiveMigration(deps, ctx, params.server_id ?? '', params.migration_id ?? '');
      return h.response().code(202);
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{migration_id}`,
    rule: serverMigrationPolicy['os_compute_api:servers:migrations:delete'],
    summary: 'Call off a live migration (2.24; 2.65: also one that waits)',
    status: 202,
    async handler({ ctx, params, version }, h) {
      requireSince(version, 24);
      const alsoQueued = since(version, 2, 65);
      await abortLiveMigration(deps, ctx, params.server_id ?? '', params.migration_id ?? '', { alsoQueued });
      return h.response().code(202);
    },
  }),
];

function liveMigrationView(move: Move, version: Version) {
  const { progress } = move;
  return {
    ...hostsOf(move),
    id: move.number,
    server_uuid: move.serverId,
    status: move.status,
    ...timesOf(move),
    memory_total_bytes: progress?.memoryTotal ?? null,
    memory_processed_bytes: progress?.memoryProcessed ?? null,
    memory_remaining_bytes: progress?.memoryRemaining ?? null,
    disk_total_bytes: progress?.diskTotal ?? null,
    disk_processed_bytes: progress?.diskProcessed ?? null,
    disk_remaining_bytes: progress?.diskRemaining ?? null,
    ...ownersOf(move, version),
  };
}
