/** A container as the Containers API shows it; only what this dashboard reads. */
export interface Container {
  uuid: string;
  name: string;
  image: string;
  status: string;
  status_reason: string | null;
  status_detail?: string | null;
  task_state: string | null;
  /** By network id. */
  addresses: Record<string, { addr: string; version: number; port: string; subnet_id: string }[]>;
  command: string[] | string | null;
  cpu: number | null;
  /** MiB, as text: `512`, or with the unit that was asked for: `512M`. */
  memory: string | null;
  environment: Record<string, string> | null;
  hostname?: string | null;
  security_groups?: string[] | null;
  restart_policy?: { Name: string; MaximumRetryCount?: string | number } | null;
}

export type ContainerAction = 'start' | 'stop' | 'execute';

/** Zun's own table of which status allows what (zun/common/utils.py, `VALID_STATES`). */
const allowed: Record<ContainerAction, readonly string[]> = {
  start: ['Created', 'Stopped', 'Error'],
  stop: ['Running'],
  execute: ['Running'],
};

/** Why the API would refuse the action now; null when it would not. */
export function whyNot(container: Pick<Container, 'status' | 'task_state'>, action: ContainerAction): string | null {
  if (container.task_state) return `Wait: ${container.task_state.replaceAll('_', ' ')} is under way.`;
  const states = allowed[action];
  return states.includes(container.status)
    ? null
    : `The container is ${container.status}; it would have to be ${states.join(' or ')}.`;
}

/** It will be different in a moment without anybody's doing. */
export function isMoving({ status, task_state }: Pick<Container, 'status' | 'task_state'>): boolean {
  return Boolean(task_state) || ['Creating', 'Deleting', 'Restarting', 'Rebuilding'].includes(status);
}

export function commandText({ command }: Pick<Container, 'command'>): string {
  if (!Array.isArray(command)) return command ?? '';
  return command.map((word) => (/^[\w\-./:=@%+,]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
