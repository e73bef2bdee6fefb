/** Nova's names for the steps of its compute manager, which clients know (nova/compute/manager.py, `wrap_instance_event`). */
const steps: Readonly<Record<string, string>> = {
  create: 'compute__do_build_and_run_instance',
  start: 'compute_start_instance',
  stop: 'compute_stop_instance',
  reboot: 'compute_reboot_instance',
  pause: 'compute_pause_instance',
  unpause: 'compute_unpause_instance',
  suspend: 'compute_suspend_instance',
  resume: 'compute_resume_instance',
  rescue: 'compute_rescue_instance',
  unrescue: 'compute_unrescue_instance',
  rebuild: 'compute_rebuild_instance',
  resize: 'compute_finish_resize',
  liveResize: 'compute_live_resize_instance',
  confirmResize: 'compute_confirm_resize',
  revertResize: 'compute_finish_revert_resize',
  shelve: 'compute_shelve_instance',
  shelveOffload: 'compute_shelve_offload_instance',
  unshelve: 'compute_unshelve_instance',
  createImage: 'compute_snapshot_instance',
  createBackup: 'compute_backup_instance',
  trigger_crash_dump: 'compute_trigger_crash_dump',
  changePassword: 'compute_set_admin_password',
  softDelete: 'compute_soft_delete_instance',
  restore: 'compute_restore_instance',
  delete: 'compute_terminate_instance',
  migrate: 'compute_finish_resize',
  'live-migration': 'compute_live_migration',
  evacuate: 'compute_rebuild_instance',
};

export function eventOf(action: string): string {
  return steps[action] ?? `compute_${action}`;
}
