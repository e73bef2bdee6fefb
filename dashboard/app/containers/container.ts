import { allowedStates, type ContainerAction } from '../../../compute/containers/container.ts';
import { orList } from '../parts/or-list.ts';

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

/** Why the API would refuse the action now; null when it would not. The rules are those that it enforces. */
export function whyNot({ status }: Pick<Container, 'status'>, action: ContainerAction): string | null {
  const states: readonly string[] = allowedStates[action];
  return states.includes(status) ? null : `The container is ${status}; it would have to be ${orList(states)}.`;
}

/** It will be different in a moment without anybody's doing. */
export function isMoving({ status, task_state }: Pick<Container, 'status' | 'task_state'>): boolean {
  return Boolean(task_state) || ['Creating', 'Deleting', 'Restarting', 'Rebuilding'].includes(status);
}

export function commandText({ command }: Pick<Container, 'command'>): string {
  if (!Array.isArray(command)) return command ?? '';
  return command.map((word) => (/^[\w\-./:=@%+,]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
