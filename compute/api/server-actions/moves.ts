/** Actions that take servers to other hosts. */

import { type TSchema, Type } from 'typebox';
import { BadRequest } from '../../../common/errors.ts';
import { since } from '../../../common/http/microversion.ts';
import { definePolicy, projectAdmin } from '../../../common/policy/rules.ts';
import { isYes } from '../../../common/truth.ts';
import { migrateServer } from '../../servers/moves/cold.ts';
import { evacuateServer } from '../../servers/moves/evacuate.ts';
import { liveMigrateServer } from '../../servers/moves/live-wishes.ts';
import { makePassword } from '../../servers/password.ts';
import { checkBody } from '../by-version.ts';
import { tellMove } from '../dry-run.ts';
import { AdminPass, BooleanLike, closed, HostName } from '../fields.ts';
import { Anything, action, type ServerActionSpec } from './action.ts';

export const moveActionPolicy = definePolicy({
  'os_compute_api:os-migrate-server:migrate': projectAdmin('Take a server to another host, shut down'),
  'os_compute_api:os-migrate-server:migrate:host': projectAdmin('Say to which one'),
  'os_compute_api:os-migrate-server:migrate_live': projectAdmin('Take a server to another host while it runs'),
  'os_compute_api:os-migrate-server:migrate_live:host': projectAdmin('Say to which one'),
  'os_compute_api:os-evacuate': projectAdmin('Make a server anew whose host is down'),
});

const MaybeHost = Type.Union([Type.Null(), HostName]);
const Migrate = Type.Union([Type.Null(), Type.Object({ host: Type.Optional(MaybeHost) }, closed)]);

const BlockMigration = Type.Union([BooleanLike, Type.Literal('auto')]);
const force = { force: Type.Optional(BooleanLike) };
const live = { block_migration: BlockMigration, host: MaybeHost };
/** nova/api/openstack/compute/schemas/migrate_server.py. */
const liveSchemas: [TSchema, ...[number, TSchema][]] = [
  Type.Object({ block_migration: BooleanLike, disk_over_commit: BooleanLike, host: MaybeHost }, closed),
  [25, Type.Object(live, closed)],
  [30, Type.Object({ ...live, ...force }, closed)],
  [68, Type.Object(live, closed)],
];

const evacuation = { host: Type.Optional(HostName), adminPass: Type.Optional(AdminPass) };
/** nova/api/openstack/compute/schemas/evacuate.py. */
const evacuationSchemas: [TSchema, ...[number, TSchema][]] = [
  Type.Object({ ...evacuation, onSharedStorage: BooleanLike }, closed),
  [14, Type.Object(evacuation, closed)],
  [29, Type.Object({ ...evacuation, ...force }, closed)],
  [68, Type.Object(evacuation, closed)],
];

const tell: ServerActionSpec['dryRun'] = ({ deps, ctx, id }, run) => tellMove(deps, ctx, id, run);

export const moveActions = {
  migrate: action({
    rule: moveActionPolicy['os_compute_api:os-migrate-server:migrate'],
    value: Anything,
    dryRun: tell,
    async run({ deps, ctx, id, value, version }) {
      if (since(version, 2, 56)) checkBody(version, value, [Migrate]);
      const host = since(version, 2, 56) ? ((value as { host?: string | null } | null)?.host ?? null) : null;
      if (host !== null)
        deps.enforcer.authorize(ctx, moveActionPolicy['os_compute_api:os-migrate-server:migrate:host']);
      await migrateServer(deps, ctx, id, host);
    },
  }),
  'os-migrateLive': action({
    rule: moveActionPolicy['os_compute_api:os-migrate-server:migrate_live'],
    value: Type.Object(
      {
        block_migration: BlockMigration,
        disk_over_commit: Type.Optional(BooleanLike),
        host: Type.Optional(MaybeHost),
        ...force,
      },
      closed,
    ),
    dryRun: tell,
    async run({ deps, ctx, id, value, version }) {
      checkBody(version, value, liveSchemas);
      if (value.block_migration !== 'auto' && !isYes(value.block_migration))
        throw new BadRequest(
          'Live migration can not be used without shared storage: disks are local here, so block_migration must be true.',
        );
      const host = value.host ?? null;
      if (host === null && value.force !== undefined && isYes(value.force))
        throw new BadRequest("Can't force to a non-provided destination");
      if (host !== null)
        deps.enforcer.authorize(ctx, moveActionPolicy['os_compute_api:os-migrate-server:migrate_live:host']);
      await liveMigrateServer(deps, ctx, id, host);
    },
  }),
  evacuate: action({
    rule: moveActionPolicy['os_compute_api:os-evacuate'],
    value: Type.Object({ ...evacuation, onSharedStorage: Type.Optional(BooleanLike), ...force }, closed),
    dryRun: tell,
    async run({ deps, ctx, id, value, version, h }) {
      checkBody(version, value, evacuationSchemas);
      if (value.onSharedStorage !== undefined && isYes(value.onSharedStorage)) {
        if (value.adminPass !== undefined) throw new BadRequest("admin password can't be changed on existing disk");
        throw new BadRequest('The disks of servers are not on shared storage here.');
      }
      if (value.host === undefined && value.force !== undefined && isYes(value.force))
        throw new BadRequest("Can't force to a non-provided destination");
      const adminPassword = value.adminPass ?? makePassword();
      await evacuateServer(deps, ctx, id, {
        hostName: value.host ?? null,
        adminPassword,
        staysStopped: since(version, 2, 95),
      });
      return since(version, 2, 14) ? h.response().code(200) : h.response({ adminPass: adminPassword });
    },
  }),
};
