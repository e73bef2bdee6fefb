import type { Knex } from '../../common/database/database.ts';
import { selectPage } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import { statusSql } from '../servers/status-sql.ts';
import { type ServerUsage, type Span, vmStateOfStatus } from './usage.ts';

interface UsageRow {
  id: string;
  project_id: string;
  name: string;
  flavor: string;
  vcpus: number;
  memory_mib: number;
  disk_gib: number;
  launched_at: Date;
  ended_at: Date | null;
  status: string | null;
}

/** The database's time: spans end there at the latest. */
export async function databaseNow(db: Knex): Promise<Date> {
  const { rows } = await db.raw('select now() as now');
  return rows[0].now;
}

/** The servers that ran at some time in the span, by project and id. A marker is a server's id. */
export async function listServerUsage(
  db: Knex,
  { start, end }: Span,
  projectId: string | undefined,
  page: PageRequest,
): Promise<{ usages: ServerUsage[]; more: boolean }> {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  const numbers = ['vcpus', 'memory_mib', 'launched_at'] as const;
  const present = db('servers')
    .where('servers.launched_at', '<', end)
    .select('servers.id', 'servers.project_id', 'servers.name')
    .select(db.raw("coalesce(nullif(servers.flavor_name, ''), servers.flavor_id) as flavor"))
    .select(...numbers.map((column) => `servers.${column}`))
    .select(db.raw('servers.disk_gib + servers.ephemeral_gib as disk_gib'))
    .select(db.raw(`null::timestamptz as ended_at, ${statusSql} as status`));
  const past = db('past_servers')
    .where('launched_at', '<', end)
    .where('ended_at', '>', start)
    .select('id', 'project_id', 'name', 'flavor', ...numbers, 'disk_gib', 'ended_at', db.raw('null as status'));
  if (projectId !== undefined) {
    present.where('servers.project_id', projectId);
    past.where({ project_id: projectId });
  }
  const all = db.select('*').from(present.unionAll(past).as('usages'));
  const order = [
    { column: 'project_id', direction: 'asc' },
    { column: 'id', direction: 'asc' },
  ] as const;
  const { rows, more } = await selectPage<UsageRow>(all, page, [...order]);
  return { usages: rows.map(fromRow), more };
}

/** For how long the cloud tells what a server took after it is gone. */
const rememberedDays = 400;

/** Gives up what is older than anybody asks for. */
export async function forgetPastServers(db: Knex): Promise<void> {
  await db('past_servers').whereRaw("ended_at < now() - ? * interval '1 day'", [rememberedDays]).delete();
}

function fromRow(row: UsageRow): ServerUsage {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    flavor: row.flavor,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
    startedAt: row.launched_at,
    endedAt: row.ended_at,
    state: row.status === null ? 'terminated' : vmStateOfStatus(row.status),
  };
}
