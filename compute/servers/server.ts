/** What a server is, and the words that clients see for it. Pure: nothing here reads or writes anything. */
import type { PowerState } from '../drivers/driver.ts';

export type WantedPower = 'running' | 'shutdown';
export type RebootType = 'SOFT' | 'HARD';

/** A virtual machine a project asked for. No field has two writers, so neither has to lock the other out. */
export interface Server {
  id: string;
  projectId: string;
  userId: string;
  createdAt: Date;
  updatedAt: Date;
  // Written by operations: what was asked for.
  name: string;
  hostname: string;
  flavorId: string;
  /** Of the flavor as it was when the server was made. */
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  imageId: string;
  imageFormat: 'raw' | 'qcow2';
  keyName: string | null;
  metadata: Record<string, string>;
  /** The zone that was asked for; null when none was. */
  availabilityZone: string | null;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL';
  reservationId: string;
  launchIndex: number;
  /** Null when no host had room; then `unplacedReason` says why. */
  hostId: string | null;
  hostName: string | null;
  unplacedReason: string | null;
  /** Host by host, for administrators. */
  unplacedDetails: string | null;
  wantedPower: WantedPower;
  deletionRequestedAt: Date | null;
  revision: number; // grows with every change the host has to follow
  /** The first reboot in its action log that is not done. */
  pendingReboot: RebootType | null;
  // Written by the reconciler: what it saw.
  settledRevision: number;
  observedPower: PowerState | null; // null until the host holds it
  /** The guest ended by itself while this revision was in force: that is what is wanted until something else is asked for. */
  stoppedItselfAtRevision: number | null;
  faultMessage: string | null;
  faultDetails: string | null;
  faultAt: Date | null;
  isFaulty: boolean; // it gave up, or has failed for so long that the user has to know
  failingSince: Date | null;
  launchedAt: Date | null;
}

export type VmState = 'building' | 'active' | 'stopped' | 'paused' | 'error';
export type TaskState =
  | 'spawning'
  | 'powering-on'
  | 'powering-off'
  | 'rebooting'
  | 'rebooting_hard'
  | 'deleting'
  | null;

type StateFields = Pick<
  Server,
  | 'unplacedReason'
  | 'isFaulty'
  | 'observedPower'
  | 'wantedPower'
  | 'stoppedItselfAtRevision'
  | 'revision'
  | 'pendingReboot'
  | 'deletionRequestedAt'
>;

/** What the server should do now: what was asked for, unless its own guest has shut it down since. */
export function effectivePower(
  server: Pick<Server, 'wantedPower' | 'stoppedItselfAtRevision' | 'revision'>,
): WantedPower {
  return server.stoppedItselfAtRevision === server.revision ? 'shutdown' : server.wantedPower;
}

/** Computed, never stored, so it cannot go stale. `store.ts` says the same in SQL for filters; a test compares them. */
export function vmStateOf(server: StateFields): VmState {
  if (server.unplacedReason !== null || server.isFaulty) return 'error';
  if (server.observedPower === null) return 'building';
  if (server.observedPower === 'running') return 'active';
  return server.observedPower === 'paused' ? 'paused' : 'stopped';
}

/** What is being done about it; null when it is as asked. */
export function taskStateOf(server: StateFields): TaskState {
  if (server.deletionRequestedAt !== null) return 'deleting';
  const vmState = vmStateOf(server);
  if (vmState === 'error') return null;
  if (vmState === 'building') return 'spawning';
  const wanted = effectivePower(server);
  if (wanted === 'running' && server.pendingReboot !== null)
    return server.pendingReboot === 'HARD' ? 'rebooting_hard' : 'rebooting';
  if (wanted === 'running' && vmState === 'stopped') return 'powering-on';
  if (wanted === 'shutdown' && vmState !== 'stopped') return 'powering-off';
  return null;
}

/** The one word clients wait for; nova/api/openstack/common.py holds the map it must agree with. */
export function statusOf(server: StateFields): string {
  const task = taskStateOf(server);
  switch (vmStateOf(server)) {
    case 'error':
      return 'ERROR';
    case 'building':
      return 'BUILD';
    case 'paused':
      return 'PAUSED';
    case 'active':
      if (task === 'rebooting') return 'REBOOT';
      return task === 'rebooting_hard' ? 'HARD_REBOOT' : 'ACTIVE';
    case 'stopped':
      return task === 'rebooting_hard' ? 'HARD_REBOOT' : 'SHUTOFF';
  }
}

/** Nova's numbers: 0 no state, 1 running, 3 paused, 4 shut down, 6 crashed. */
export function powerStateOf({ observedPower }: Pick<Server, 'observedPower'>): number {
  if (observedPower === null) return 0;
  return { running: 1, paused: 3, shutdown: 4, crashed: 6 }[observedPower];
}

/** 0 to 100, as clients draw it. */
export function progressOf(server: StateFields): number {
  return vmStateOf(server) === 'active' && taskStateOf(server) === null ? 100 : 0;
}

/** A host name made of a server's name, as nova does it: letters, digits, dots become dashes; never empty. */
export function hostnameFrom(name: string, id: string): string {
  const clean = name
    .normalize('NFKD')
    .replace(/[ _.]/g, '-')
    .replace(/[^A-Za-z0-9-]/g, '')
    .toLowerCase()
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return clean === '' ? `Server-${id}` : clean;
}

/** An action that is not for a server in this state: says which state, in nova's words. */
export interface Requirement {
  vmStates: readonly VmState[];
  /** Tasks during which it may be asked for; idle always counts. */
  tasks?: readonly TaskState[];
}

export const requirements = {
  start: { vmStates: ['stopped'] },
  stop: { vmStates: ['active', 'error'] },
  'soft reboot': { vmStates: ['active'] },
  'hard reboot': { vmStates: ['active', 'stopped', 'paused', 'error'], tasks: ['rebooting', 'rebooting_hard'] },
} as const satisfies Record<string, Requirement>;

/** Undefined when it may be done; else `vm_state active` or `task_state powering-off`. */
export function obstacle(server: StateFields, { vmStates, tasks = [] }: Requirement): string | undefined {
  const vmState = vmStateOf(server);
  if (!vmStates.includes(vmState)) return `vm_state ${vmState}`;
  const task = taskStateOf(server);
  return task === null || tasks.includes(task) ? undefined : `task_state ${task}`;
}
