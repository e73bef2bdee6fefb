/** The words that clients see for what a server is and what is being done about it. Pure: nothing here reads or writes anything. */
import type { Server, WantedPower } from './server.ts';

export type VmState =
  | 'building'
  | 'active'
  | 'stopped'
  | 'paused'
  | 'suspended'
  | 'rescued'
  | 'resized'
  | 'shelved'
  | 'shelved_offloaded'
  | 'soft-delete'
  | 'deleted'
  | 'error';

export type TaskState =
  | 'spawning'
  | 'migrating'
  | 'powering-on'
  | 'powering-off'
  | 'pausing'
  | 'unpausing'
  | 'suspending'
  | 'resuming'
  | 'rebooting'
  | 'rebooting_hard'
  | 'rescuing'
  | 'unrescuing'
  | 'rebuilding'
  | 'resize_prep'
  | 'resize_finish'
  | 'resize_reverting'
  | 'shelving'
  | 'shelving_offloading'
  | 'unshelving'
  | 'image_uploading'
  | 'image_backup'
  | 'updating_password'
  | 'deleting'
  | null;

export type StateFields = Pick<
  Server,
  | 'unplacedReason'
  | 'isFaulty'
  | 'markedErrorAt'
  | 'observedPower'
  | 'observedRescue'
  | 'observedShelved'
  | 'observedDiskGeneration'
  | 'wantedPower'
  | 'move'
  | 'rescueImageId'
  | 'diskGeneration'
  | 'oldFlavor'
  | 'liveResize'
  | 'shelvedAt'
  | 'offloadRequestedAt'
  | 'shelveImageId'
  | 'softDeletedAt'
  | 'goneAt'
  | 'stoppedItselfAtRevision'
  | 'revision'
  | 'pendingTask'
  | 'deletionRequestedAt'
>;

/** What the server should do now: what was asked for, unless its own guest has shut it down since. */
export function effectivePower(
  server: Pick<Server, 'wantedPower' | 'stoppedItselfAtRevision' | 'revision' | 'softDeletedAt' | 'shelvedAt'>,
): WantedPower {
  const isAtRest = server.softDeletedAt !== null || server.shelvedAt !== null;
  return isAtRest || server.stoppedItselfAtRevision === server.revision ? 'shutdown' : server.wantedPower;
}

/** Computed, never stored, so it cannot go stale. `status-sql.ts` says the same in SQL for filters; a test compares them. */
export function vmStateOf(server: StateFields): VmState {
  if (server.goneAt) return 'deleted';
  if (server.softDeletedAt !== null) return 'soft-delete';
  if (server.unplacedReason !== null || server.isFaulty || server.markedErrorAt !== null) return 'error';
  if (server.observedPower === null) return server.shelveImageId === null ? 'building' : 'shelved_offloaded';
  if (server.observedShelved) return 'shelved';
  if (server.observedRescue) return 'rescued';
  if (server.oldFlavor !== null && server.observedDiskGeneration === server.diskGeneration) return 'resized';
  return poweredState(server);
}

function poweredState({ observedPower }: StateFields): 'active' | 'paused' | 'suspended' | 'stopped' {
  if (observedPower === 'running') return 'active';
  return observedPower === 'paused' || observedPower === 'suspended' ? observedPower : 'stopped';
}

/** What is being done about it; null when it is as asked. */
export function taskStateOf(server: StateFields): TaskState {
  if (server.goneAt) return null;
  if (server.deletionRequestedAt !== null) return 'deleting';
  const vmState = vmStateOf(server);
  if (vmState === 'error' || vmState === 'soft-delete') return null;
  if (vmState === 'building') return 'spawning';
  if (vmState === 'shelved_offloaded') return server.shelvedAt === null ? 'unshelving' : null;
  if (vmState === 'shelved' && server.shelvedAt === null) return 'unshelving';
  if (vmState === 'shelved') return server.offloadRequestedAt === null ? null : 'shelving_offloading';
  if (server.shelvedAt !== null) return 'shelving';
  if (server.move === 'live') return 'migrating';
  if (server.observedRescue !== (server.rescueImageId !== null))
    return server.observedRescue ? 'unrescuing' : 'rescuing';
  return diskTask(server) ?? (server.liveResize && 'resize_prep') ?? pendingTask(server) ?? powerTask(server);
}

function diskTask({ observedDiskGeneration, diskGeneration, oldFlavor }: StateFields): TaskState {
  if (observedDiskGeneration === diskGeneration) return null;
  if (oldFlavor !== null) return 'resize_finish';
  return (observedDiskGeneration ?? 0) < diskGeneration ? 'rebuilding' : 'resize_reverting';
}

function pendingTask(server: StateFields): TaskState {
  switch (server.pendingTask) {
    case null:
      return null;
    case 'SOFT':
      return effectivePower(server) === 'running' ? 'rebooting' : null;
    case 'HARD':
      return effectivePower(server) === 'running' ? 'rebooting_hard' : null;
    case 'createImage':
      return 'image_uploading';
    case 'createBackup':
      return 'image_backup';
    case 'changePassword':
      return 'updating_password';
  }
}

function powerTask(server: StateFields): TaskState {
  const [wanted, now] = [effectivePower(server), poweredState(server)];
  switch (wanted) {
    case 'running':
      return ({ active: null, stopped: 'powering-on', paused: 'unpausing', suspended: 'resuming' } as const)[now];
    case 'shutdown':
      return now === 'stopped' ? null : 'powering-off';
    case 'paused':
      return now === 'paused' ? null : 'pausing';
    case 'suspended':
      return now === 'suspended' || now === 'stopped' ? null : 'suspending'; // one that was lost has no memory to keep
  }
}

/** The one word clients wait for; nova/api/openstack/common.py holds the map it must agree with. */
export function statusOf(server: StateFields): string {
  const vmState = vmStateOf(server);
  switch (vmState) {
    case 'deleted':
      return 'DELETED';
    case 'soft-delete':
      return 'SOFT_DELETED';
    case 'error':
      return 'ERROR';
    case 'building':
      return 'BUILD';
    case 'shelved':
      return 'SHELVED';
    case 'shelved_offloaded':
      return 'SHELVED_OFFLOADED';
    case 'rescued':
      return 'RESCUE';
    case 'resized':
      return 'VERIFY_RESIZE';
  }
  const powered = { active: 'ACTIVE', stopped: 'SHUTOFF', paused: 'PAUSED', suspended: 'SUSPENDED' }[vmState];
  switch (taskStateOf(server)) {
    case 'resize_prep':
    case 'resize_finish':
      return 'RESIZE';
    case 'resize_reverting':
      return 'REVERT_RESIZE';
    case 'migrating':
      return 'MIGRATING';
    case 'rebuilding':
      return 'REBUILD';
    case 'rebooting':
      return vmState === 'active' ? 'REBOOT' : powered;
    case 'rebooting_hard':
      return vmState === 'active' || vmState === 'stopped' ? 'HARD_REBOOT' : powered;
    case 'updating_password':
      return vmState === 'active' ? 'PASSWORD' : powered;
    default:
      return powered;
  }
}

/** Every word that `statusOf` may answer. */
export const statuses = [
  'ACTIVE',
  'BUILD',
  'ERROR',
  'HARD_REBOOT',
  'MIGRATING',
  'PASSWORD',
  'PAUSED',
  'REBOOT',
  'REBUILD',
  'RESCUE',
  'RESIZE',
  'REVERT_RESIZE',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SHUTOFF',
  'SOFT_DELETED',
  'SUSPENDED',
  'VERIFY_RESIZE',
] as const;

/** Nova's numbers: 0 no state, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
export function powerStateOf({ observedPower }: Pick<Server, 'observedPower'>): number {
  if (observedPower === null) return 0;
  return { running: 1, paused: 3, shutdown: 4, crashed: 6, suspended: 7 }[observedPower];
}

/** 0 to 100, as clients draw it. */
export function progressOf(server: StateFields): number {
  return vmStateOf(server) === 'active' && taskStateOf(server) === null ? 100 : 0;
}

/** An action that is not for a server in this state: says which state, in nova's words. */
export interface Requirement {
  vmStates: readonly VmState[];
  /** Tasks during which it may be asked for; idle always counts. */
  tasks?: readonly TaskState[] | 'any';
}

/** The decorators `check_instance_state` of nova/compute/api.py. */
export const requirements = {
  start: { vmStates: ['stopped'] },
  stop: { vmStates: ['active', 'error'] },
  'soft reboot': { vmStates: ['active'] },
  'hard reboot': {
    vmStates: ['active', 'stopped', 'paused', 'suspended', 'error'],
    tasks: ['rebooting', 'rebooting_hard', 'resuming', 'unpausing', 'pausing', 'suspending'],
  },
  pause: { vmStates: ['active'] },
  unpause: { vmStates: ['paused'] },
  suspend: { vmStates: ['active'] },
  resume: { vmStates: ['suspended'] },
  rescue: { vmStates: ['active', 'stopped', 'error'] },
  unrescue: { vmStates: ['rescued', 'error'] }, // for the same reason as a resize is reverted in error
  rebuild: { vmStates: ['active', 'stopped', 'error'] },
  resize: { vmStates: ['active', 'stopped'] },
  'live resize': { vmStates: ['active'] }, // of ours
  'confirm resize': { vmStates: ['resized'] },
  // In error when the new size cannot be had: the way back must stay open, which Nova leaves to reset-state.
  'revert resize': { vmStates: ['resized', 'error'] },
  snapshot: { vmStates: ['active', 'stopped', 'paused', 'suspended'] },
  shelve: { vmStates: ['active', 'stopped', 'paused', 'suspended'] },
  'shelve offload': { vmStates: ['shelved'] },
  unshelve: { vmStates: ['shelved', 'shelved_offloaded'] },
  'change password': { vmStates: ['active'] },
  'trigger crash dump': { vmStates: ['active', 'paused', 'rescued', 'resized', 'error'] },
  restore: { vmStates: ['soft-delete'] },
  migrate: { vmStates: ['active', 'stopped'] },
  'live migrate': { vmStates: ['active', 'paused'] },
  evacuate: { vmStates: ['active', 'stopped', 'error'], tasks: 'any' },
  'change interfaces': { vmStates: ['active', 'paused', 'stopped'] },
  'change addresses': { vmStates: ['active', 'paused', 'stopped', 'rescued', 'suspended'] },
  'change metadata': { vmStates: ['active', 'paused', 'suspended', 'stopped'], tasks: 'any' },
  'change tags': { vmStates: ['active', 'paused', 'suspended', 'stopped'] },
} as const satisfies Record<string, Requirement>;

/** Undefined when it may be done; else `vm_state active` or `task_state powering-off`. */
export function obstacle(server: StateFields, { vmStates, tasks = [] }: Requirement): string | undefined {
  const vmState = vmStateOf(server);
  if (!vmStates.includes(vmState)) return `vm_state ${vmState}`;
  const task = taskStateOf(server);
  return task === null || tasks === 'any' || tasks.includes(task) ? undefined : `task_state ${task}`;
}
