/**
 * `vmStateOf`, `taskStateOf`, `progressOf` and `statusOf` of states.ts once more, for filters over more rows than can be read. A test walks
 * through thousands of combinations and compares the two.
 */

/** The first that is asked for and not done, of what no other column tells: `PendingTask` in server.ts. */
export const pendingTaskSql = `(select case when a.action = 'reboot' then a.parameters->>'type' else a.action end
  from server_actions a
  where a.server_id = servers.id and a.finished_at is null
    and a.action in ('reboot', 'createImage', 'createBackup', 'changePassword')
  order by a.number limit 1)`;

const poweredSql = `(case
  when servers.observed_power = 'running' then 'active'
  when servers.observed_power in ('paused', 'suspended') then servers.observed_power
  else 'stopped' end)`;

export const vmStateSql = `(case
  when servers.gone_at is not null then 'deleted'
  when servers.soft_deleted_at is not null then 'soft-delete'
  when servers.unplaced_reason is not null or servers.is_faulty or servers.marked_error_at is not null then 'error'
  when servers.observed_power is null and servers.shelve_image_id is null then 'building'
  when servers.observed_power is null then 'shelved_offloaded'
  when servers.observed_shelved then 'shelved'
  when servers.observed_rescue then 'rescued'
  when servers.old_flavor is not null and servers.observed_disk_generation = servers.disk_generation then 'resized'
  else ${poweredSql} end)`;

/** `powerTask`, of a server that is not at rest. */
const powerTaskSql = `(case
  when servers.stopped_itself_at_revision = servers.revision or servers.wanted_power = 'shutdown'
    then case when powered <> 'stopped' then 'powering-off' end
  when servers.wanted_power = 'running'
    then case powered when 'stopped' then 'powering-on' when 'paused' then 'unpausing' when 'suspended' then 'resuming' end
  when servers.wanted_power = 'paused' then case when powered <> 'paused' then 'pausing' end
  when powered not in ('suspended', 'stopped') then 'suspending' end)`;

const isToRun = `(servers.wanted_power = 'running' and servers.stopped_itself_at_revision is distinct from servers.revision)`;

const pendingSql = `(case ${pendingTaskSql}
  when 'SOFT' then case when ${isToRun} then 'rebooting' end
  when 'HARD' then case when ${isToRun} then 'rebooting_hard' end
  when 'createImage' then 'image_uploading'
  when 'createBackup' then 'image_backup'
  when 'changePassword' then 'updating_password' end)`;

/** Null when nothing is being done. */
export const taskStateSql = `(select case
    when vm_state = 'deleted' then null
    when servers.deletion_requested_at is not null then 'deleting'
    when vm_state in ('error', 'soft-delete') then null
    when vm_state = 'building' then 'spawning'
    when vm_state in ('shelved_offloaded', 'shelved') and servers.shelved_at is null then 'unshelving'
    when vm_state = 'shelved_offloaded' then null
    when vm_state = 'shelved' then case when servers.offload_requested_at is not null then 'shelving_offloading' end
    when servers.shelved_at is not null then 'shelving'
    when servers.move = 'live' then 'migrating'
    when servers.observed_rescue and servers.rescue_image_id is null then 'unrescuing'
    when not servers.observed_rescue and servers.rescue_image_id is not null then 'rescuing'
    when servers.observed_disk_generation is distinct from servers.disk_generation then case
      when servers.old_flavor is not null then 'resize_finish'
      when coalesce(servers.observed_disk_generation, 0) < servers.disk_generation then 'rebuilding'
      else 'resize_reverting' end
    when servers.live_resize is not null then 'resize_prep'
    else coalesce(${pendingSql}, ${powerTaskSql}) end
  from (select ${vmStateSql} as vm_state, ${poweredSql} as powered) as state)`;

const bothStates = `(select ${vmStateSql} as vm_state, ${taskStateSql} as task_state) as states`;

export const progressSql = `(select case when vm_state = 'active' and task_state is null then 100 else 0 end from ${bothStates})`;

export const statusSql = `(select case
    when vm_state = 'deleted' then 'DELETED'
    when vm_state = 'soft-delete' then 'SOFT_DELETED'
    when vm_state = 'building' then 'BUILD'
    when vm_state = 'rescued' then 'RESCUE'
    when vm_state = 'resized' then 'VERIFY_RESIZE'
    when vm_state in ('error', 'shelved', 'shelved_offloaded') then upper(vm_state)
    when task_state in ('resize_prep', 'resize_finish') then 'RESIZE'
    when task_state = 'resize_reverting' then 'REVERT_RESIZE'
    when task_state = 'migrating' then 'MIGRATING'
    when task_state = 'rebuilding' then 'REBUILD'
    when task_state = 'rebooting' and vm_state = 'active' then 'REBOOT'
    when task_state = 'rebooting_hard' and vm_state in ('active', 'stopped') then 'HARD_REBOOT'
    when task_state = 'updating_password' and vm_state = 'active' then 'PASSWORD'
    when vm_state = 'stopped' then 'SHUTOFF'
    else upper(vm_state) end
  from ${bothStates})`;

/** As `powerStateOf`. */
export const powerStateSql = `(case servers.observed_power
  when 'running' then 1 when 'paused' then 3 when 'shutdown' then 4 when 'crashed' then 6 when 'suspended' then 7 else 0 end)`;
