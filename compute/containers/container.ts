/** What a container is, and the words that clients see for it. Pure: nothing here reads or writes anything. */
import type { PowerState } from '../drivers/driver.ts';

export type RestartPolicy = 'no' | 'always' | 'on-failure' | 'unless-stopped';

/** A container a project asked for. No field has two writers, so neither has to lock the other out. */
export interface Container {
  id: string;
  projectId: string;
  userId: string;
  createdAt: Date;
  updatedAt: Date;
  // Written by operations: what was asked for.
  name: string;
  hostname: string;
  /** The image as it was named. */
  imageRef: string;
  imageId: string;
  /** Null: the image's own. */
  command: string[] | null;
  environment: Record<string, string>;
  workingDirectory: string | null;
  labels: Record<string, string>;
  /** 0.5 is half a core. */
  cpus: number;
  memoryMib: number;
  isInteractive: boolean;
  hasTty: boolean;
  imagePullPolicy: string | null;
  restartPolicy: RestartPolicy;
  /** Of `on-failure`; 0 is without end. */
  maximumRetries: number;
  /** Goes once its program has ended. */
  isAutoRemoved: boolean;
  /** Null when no host had room; then `unplacedReason` says why. */
  hostId: string | null;
  hostName: string | null;
  unplacedReason: string | null;
  wantedPower: 'running' | 'shutdown';
  stopGraceSeconds: number;
  /** The last revision in which a reboot was asked for. */
  rebootRevision: number;
  /** Also written by the reconciler, for one that removes itself. */
  deletionRequestedAt: Date | null;
  stopsBeforeDeletion: boolean;
  revision: number; // grows with every change the host has to follow
  // Written by the reconciler: what it saw.
  settledRevision: number;
  observedPower: PowerState | null; // null until the host holds it
  observedExitCode: number | null;
  observedCommand: string[] | null;
  /** How long it has been doing what it was seen doing. */
  observedForSeconds: number;
  launchedAt: Date | null;
  /** Its program ended while this revision was in force: that is what is wanted until something else is asked for. */
  endedAtRevision: number | null;
  rebootedRevision: number;
  /** By its restart policy or after an accident, since something was last asked for. */
  restarts: number;
  restartAt: Date | null;
  isRestartDue: boolean;
  faultMessage: string | null;
  isFaulty: boolean; // it gave up, or has failed for so long that the user has to know
  failingSince: Date | null;
}

export type ContainerStatus =
  | 'Creating'
  | 'Created'
  | 'Running'
  | 'Restarting'
  | 'Paused'
  | 'Stopped'
  | 'Deleting'
  | 'Error';

type StateFields = Pick<
  Container,
  | 'unplacedReason'
  | 'isFaulty'
  | 'observedPower'
  | 'launchedAt'
  | 'wantedPower'
  | 'endedAtRevision'
  | 'revision'
  | 'rebootRevision'
  | 'rebootedRevision'
  | 'restartAt'
  | 'deletionRequestedAt'
>;

/** What the container should do now: what was asked for, unless its program has come to its end since. */
export function effectivePower(
  container: Pick<Container, 'wantedPower' | 'endedAtRevision' | 'revision'>,
): 'running' | 'shutdown' {
  return container.endedAtRevision === container.revision ? 'shutdown' : container.wantedPower;
}

export function isRebooting(container: StateFields): boolean {
  return container.rebootRevision > container.rebootedRevision && effectivePower(container) === 'running';
}

/** The one word clients wait for. Computed, never stored. `status-sql.ts` says the same for filters; a test compares them. */
export function statusOf(container: StateFields): ContainerStatus {
  if (container.deletionRequestedAt !== null) return 'Deleting';
  if (container.unplacedReason !== null || container.isFaulty) return 'Error';
  if (container.observedPower === null) return 'Creating';
  const shouldRun = effectivePower(container) === 'running';
  if (shouldRun && (isRebooting(container) || container.restartAt !== null)) return 'Restarting';
  if (container.observedPower === 'running') return 'Running';
  if (container.observedPower === 'paused') return 'Paused';
  return container.launchedAt === null ? 'Created' : 'Stopped';
}

/** What is being done about it, in Zun's words; null when it is as asked. */
export function taskStateOf(container: StateFields): string | null {
  const status = statusOf(container);
  if (status === 'Deleting') return 'container_deleting';
  if (status === 'Creating') return 'container_creating';
  if (status === 'Restarting') return 'container_rebooting';
  const wanted = effectivePower(container);
  if (status === 'Running' && wanted === 'shutdown') return 'container_stopping';
  if ((status === 'Created' || status === 'Stopped') && wanted === 'running') return 'container_starting';
  return null;
}

/** A sentence of Docker's kind, as Zun gives it: `Up 5 mins`, `Exited(0) 2 hours ago`; null while there is nothing to say. */
export function statusDetailOf(container: StateFields & Pick<Container, 'observedExitCode' | 'observedForSeconds'>) {
  const since = spanOf(container.observedForSeconds);
  switch (statusOf(container)) {
    case 'Created':
      return 'Created';
    case 'Running':
      return `Up ${since}`;
    case 'Paused':
      return `Up ${since} (paused)`;
    case 'Restarting':
      return 'Restarting';
    case 'Stopped':
      return container.observedExitCode === null ? null : `Exited(${container.observedExitCode}) ${since} ago`;
    default:
      return null;
  }
}

function spanOf(seconds: number): string {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)} days`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} hours`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} mins` : `${Math.max(0, Math.floor(seconds))} seconds`;
}

/** In which states an action may be asked for, from zun/common/utils.py but for `delete`: README.md says why. */
export const allowedStates = {
  start: ['Created', 'Stopped', 'Error'],
  stop: ['Running', 'Restarting'],
  reboot: ['Created', 'Running', 'Stopped', 'Error'],
  kill: ['Running'],
  execute: ['Running'],
  logs: ['Created', 'Error', 'Paused', 'Running', 'Stopped', 'Restarting'],
  delete: ['Creating', 'Created', 'Error', 'Stopped', 'Deleting'],
} as const satisfies Record<string, readonly ContainerStatus[]>;

export type ContainerAction = keyof typeof allowedStates;

/** Undefined when it may be done; else Zun's own sentence. */
export function obstacle(container: StateFields & { id: string }, action: ContainerAction): string | undefined {
  const status = statusOf(container);
  const allowed: readonly ContainerStatus[] = allowedStates[action];
  return allowed.includes(status) ? undefined : `Cannot ${action} container ${container.id} in ${status} state`;
}
