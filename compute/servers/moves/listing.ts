import type { Knex } from '../../../common/database/database.ts';
import { selectPage } from '../../../common/database/page.ts';
import type { PageRequest } from '../../../common/http/page.ts';
import { liveStatuses, type Move } from './move.ts';
import { fromRow } from './store.ts';

export interface MoveFilter {
  status?: string;
  kind?: string;
  serverId?: string;
  /** Either of its two. */
  hostName?: string;
  sourceHost?: string;
  userId?: string;
  projectId?: string;
  changesSince?: Date;
  changesBefore?: Date;
}

/** Newest first. Throws `BadRequest` when the marker is none of them. */
export async function listMoves(
  db: Knex,
  filter: MoveFilter,
  page: PageRequest,
): Promise<{ moves: Move[]; more: boolean }> {
  const query = db('server_migrations').select('*');
  if (filter.status !== undefined) query.where({ status: filter.status });
  if (filter.kind !== undefined) query.where({ kind: filter.kind });
  if (filter.serverId !== undefined) query.whereRaw('server_id::text = ?', [filter.serverId.toLowerCase()]);
  if (filter.sourceHost !== undefined) query.where({ source_host: filter.sourceHost });
  if (filter.userId !== undefined) query.where({ user_id: filter.userId });
  if (filter.projectId !== undefined) query.where({ project_id: filter.projectId });
  if (filter.changesSince) query.where('updated_at', '>=', filter.changesSince);
  if (filter.changesBefore) query.where('updated_at', '<=', filter.changesBefore);
  const { hostName } = filter;
  if (hostName !== undefined)
    query.where((either) => either.where({ source_host: hostName }).orWhere({ destination_host: hostName }));
  const sort = [{ column: 'created_at', direction: 'desc' as const }];
  const { rows, more } = await selectPage(query, page, sort);
  return { moves: rows.map(fromRow), more };
}

/** The live migration that the server is on, if it is. */
export async function listLiveMoves(db: Knex, serverId: string): Promise<Move[]> {
  const rows = await db('server_migrations')
    .where({ server_id: serverId, kind: 'live-migration' })
    .whereIn('status', liveStatuses);
  return rows.map(fromRow);
}
