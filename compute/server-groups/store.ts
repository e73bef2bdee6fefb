/** The SQL of server groups. Servers that are in them: `membership.ts`. */
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { isUuid } from '../../common/ids.ts';
import type { GroupPolicy, ServerGroup } from './server-group.ts';

interface ServerGroupRow {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  policy: GroupPolicy;
  most_per_host: number | null;
  members: string[];
}

/** Another project's group is not found, as one that does not exist. */
export async function getServerGroup(db: Knex, visible: Visible, id: string): Promise<ServerGroup> {
  const row: ServerGroupRow | undefined = isUuid(id)
    ? await selectGroups(db, visible).where({ id }).first()
    : undefined;
  if (row === undefined) throw new NotFound('Instance group', id);
  return fromRow(row);
}

/** The oldest first; by offset, as Nova has it. */
export async function listServerGroups(
  db: Knex,
  visible: Visible,
  { limit, offset }: { limit: number; offset: number },
): Promise<ServerGroup[]> {
  const rows: ServerGroupRow[] = await selectGroups(db, visible)
    .orderBy(['created_at', 'id'])
    .offset(offset)
    .limit(limit);
  return rows.map(fromRow);
}

export async function insertServerGroup(trx: Knex, group: Omit<ServerGroup, 'id' | 'members'>): Promise<string> {
  const [row] = await trx('server_groups')
    .insert({
      project_id: group.projectId,
      user_id: group.userId,
      name: group.name,
      policy: group.policy,
      most_per_host: group.mostPerHost,
    })
    .returning('id');
  return row.id;
}

/** Its servers stay as they are, in no group. */
export async function deleteServerGroup(db: Knex, visible: Visible, id: string): Promise<void> {
  const query = db('server_groups').where({ id });
  if (visible !== 'everyone') query.where({ project_id: visible.projectId });
  if (!isUuid(id) || (await query.delete()) === 0) throw new NotFound('Instance group', id);
}

function selectGroups(db: Knex, visible: Visible): Knex.QueryBuilder {
  const members = `array(select server_id from server_group_members m
    where m.group_id = server_groups.id order by m.created_at, m.server_id) as members`;
  const query = db('server_groups').select('server_groups.*', db.raw(members));
  return visible === 'everyone' ? query : query.where({ project_id: visible.projectId });
}

function fromRow(row: ServerGroupRow): ServerGroup {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    policy: row.policy,
    mostPerHost: row.most_per_host,
    members: row.members,
  };
}
