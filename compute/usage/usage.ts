/** How much of what a project's servers took in a span of time, those that are gone included. Containers are not servers. */

export interface ServerUsage {
  id: string;
  projectId: string;
  name: string;
  /** The name of its flavor as it was when the server was made. */
  flavor: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  startedAt: Date;
  endedAt: Date | null;
  /** Nova's `vm_state`; `terminated` of one that is gone. */
  state: string;
}

export interface Span {
  start: Date;
  end: Date;
}

/** Of its running time, as much as lies in the span. */
export function hoursIn(
  { start, end }: Span,
  { startedAt, endedAt }: Pick<ServerUsage, 'startedAt' | 'endedAt'>,
): number {
  const from = Math.max(start.getTime(), startedAt.getTime());
  const to = Math.min(end.getTime(), endedAt?.getTime() ?? end.getTime());
  return Math.max(0, to - from) / 3_600_000;
}

/** Seconds from its start to its end, or to now. */
export function uptimeSeconds(now: Date, { startedAt, endedAt }: Pick<ServerUsage, 'startedAt' | 'endedAt'>): number {
  return Math.max(0, Math.floor(((endedAt ?? now).getTime() - startedAt.getTime()) / 1000));
}

const vmStates: Readonly<Record<string, string>> = {
  BUILD: 'building',
  ERROR: 'error',
  PAUSED: 'paused',
  RESCUE: 'rescued',
  SHELVED: 'shelved',
  SHELVED_OFFLOADED: 'shelved_offloaded',
  SHUTOFF: 'stopped',
  SOFT_DELETED: 'soft-delete',
  SUSPENDED: 'suspended',
  VERIFY_RESIZE: 'resized',
};

/** Which `vm_state` a status stands for; several are of one that is active. */
export function vmStateOfStatus(status: string): string {
  return vmStates[status] ?? 'active';
}
