/** `statusOf` once more, for filters over more rows than can be read. A test walks through every combination and compares the two. */
const shouldRun = `(containers.wanted_power = 'running'
  and containers.ended_at_revision is distinct from containers.revision)`;

export const statusSql = `(case
  when containers.deletion_requested_at is not null then 'Deleting'
  when containers.unplaced_reason is not null or containers.is_faulty then 'Error'
  when containers.observed_power is null then 'Creating'
  when ${shouldRun} and (containers.reboot_revision > containers.rebooted_revision
    or containers.restart_at is not null) then 'Restarting'
  when containers.observed_power = 'running' then 'Running'
  when containers.observed_power = 'paused' then 'Paused'
  when containers.launched_at is null then 'Created'
  else 'Stopped' end)`;
