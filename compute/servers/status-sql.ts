/**
 * `vmStateOf`, `taskStateOf` and `statusOf` once more, for filters over more rows than can be read. A test walks through every
 * combination and compares the two.
 */
const vmState = `(case
  when servers.unplaced_reason is not null or servers.is_faulty then 'error'
  when servers.observed_power is null then 'building'
  when servers.observed_power = 'running' then 'active'
  when servers.observed_power = 'paused' then 'paused'
  else 'stopped' end)`;

/** The type of the first reboot that is asked for and not done. */
export const pendingRebootSql = `(select a.parameters->>'type' from server_actions a
  where a.server_id = servers.id and a.action = 'reboot' and a.finished_at is null order by a.number limit 1)`;

/** What `statusOf` answers. A reboot shows only while nothing stronger, a deletion or a shutdown, is wanted. */
export const statusSql = `(case ${vmState}
  when 'error' then 'ERROR'
  when 'building' then 'BUILD'
  when 'paused' then 'PAUSED'
  when 'active' then case
    when servers.deletion_requested_at is not null or servers.wanted_power = 'shutdown'
      or servers.stopped_itself_at_revision = servers.revision then 'ACTIVE'
    when ${pendingRebootSql} = 'SOFT' then 'REBOOT'
    when ${pendingRebootSql} = 'HARD' then 'HARD_REBOOT'
    else 'ACTIVE' end
  else case
    when servers.deletion_requested_at is not null or servers.wanted_power = 'shutdown'
      or servers.stopped_itself_at_revision = servers.revision then 'SHUTOFF'
    when ${pendingRebootSql} = 'HARD' then 'HARD_REBOOT'
    else 'SHUTOFF' end
  end)`;
