import type { Knex } from '../../common/database/database.ts';

export type HostStatus = 'UP' | 'DOWN' | 'MAINTENANCE' | 'UNKNOWN';

/** Nova's word for the state of each host, by its id (nova/compute/api.py, `get_instance_host_status`). */
export async function hostStatusesOf(db: Knex): Promise<Map<string, HostStatus>> {
  const isUp = db.raw(
    "engine_fault is null and heartbeat_at > now() - down_after_seconds * interval '1 second' as is_up",
  );
  const rows = await db('compute_hosts').select('id', 'is_disabled', 'is_forced_down', isUp);
  return new Map(rows.map((row) => [row.id, statusOf(row)]));
}

function statusOf(row: { is_forced_down: boolean; is_disabled: boolean; is_up: boolean }): HostStatus {
  if (row.is_forced_down) return 'DOWN';
  if (row.is_disabled) return 'MAINTENANCE';
  return row.is_up ? 'UP' : 'UNKNOWN';
}
