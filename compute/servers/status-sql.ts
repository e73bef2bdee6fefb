/**
 * `statusOf` once more, for filters over more rows than can be read. A test walks through every combination and compares the
 * two.
 */

/** The first that is asked for and not done, of what no other column tells: `PendingTask` in server.ts. */
export const pendingTaskSql = `(select case when a.action = 'reboot' then a.parameters->>'type' else a.action end
  from server_actions a
  where a.server_id = servers.id and a.finished_at is null
    and a.action in ('reboot', 'createImage', 'createBackup', 'changePassword')
  order by a.number limit 1)`;

const isIdle =
  'servers.deletion_requested_at is null and servers.shelved_at is null and servers.rescue_image_id is null';
const wantsToRun = `servers.wanted_power = 'running' and servers.stopped_itself_at_revision is distinct from servers.revision`;
const hasItsDisk = 'servers.observed_disk_generation = servers.disk_generation';

/** What `statusOf` answers. What is being done shows only while nothing stronger is wanted. */
export const statusSql = `(case
  when servers.gone_at is not null then 'DELETED'
  when servers.soft_deleted_at is not null then 'SOFT_DELETED'
  when servers.unplaced_reason is not null or servers.is_faulty or servers.marked_error_at is not null then 'ERROR'
  when servers.observed_power is null and servers.shelve_image_id is null then 'BUILD'
  when servers.observed_power is null then 'SHELVED_OFFLOADED'
  when servers.observed_shelved then 'SHELVED'
  when servers.observed_rescue then 'RESCUE'
  when servers.old_flavor is not null and ${hasItsDisk} then 'VERIFY_RESIZE'
  when ${isIdle} and servers.move = 'live' then 'MIGRATING'
  when ${isIdle} and not ${hasItsDisk} and servers.old_flavor is not null then 'RESIZE'
  when ${isIdle} and servers.observed_disk_generation < servers.disk_generation then 'REBUILD'
  when ${isIdle} and servers.observed_disk_generation > servers.disk_generation then 'REVERT_RESIZE'
  when ${isIdle} and servers.live_resize is not null then 'RESIZE'
  when ${isIdle} and ${wantsToRun} and servers.observed_power = 'running' and ${pendingTaskSql} = 'SOFT' then 'REBOOT'
  when ${isIdle} and ${wantsToRun} and servers.observed_power in ('running', 'shutdown', 'crashed')
    and ${pendingTaskSql} = 'HARD' then 'HARD_REBOOT'
  when ${isIdle} and servers.observed_power = 'running' and ${pendingTaskSql} = 'changePassword' then 'PASSWORD'
  when servers.observed_power = 'running' then 'ACTIVE'
  when servers.observed_power = 'paused' then 'PAUSED'
  when servers.observed_power = 'suspended' then 'SUSPENDED'
  else 'SHUTOFF' end)`;
