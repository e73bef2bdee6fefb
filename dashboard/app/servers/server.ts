import { type Requirement, requirements, type TaskState, type VmState } from '../../../compute/servers/states.ts';
import { orList } from '../parts/or-list.ts';

/** A server as the Compute API shows it; only what this dashboard reads. */
export interface Server {
  id: string;
  name: string;
  status: string;
  'OS-EXT-STS:vm_state': VmState | null;
  'OS-EXT-STS:task_state': TaskState;
  addresses: Record<string, Address[]>;
  flavor: { id: string };
  /** Empty text when it boots from a volume. */
  image: { id: string } | '';
  key_name: string | null;
  security_groups?: { name: string }[];
  'OS-EXT-AZ:availability_zone'?: string;
  'OS-SRV-USG:launched_at'?: string | null;
  config_drive?: string;
  metadata: Record<string, string>;
  description: string | null;
  tags: string[];
  /** Nothing is done to it but by administrators until it is unlocked. */
  locked: boolean;
  created: string;
  updated: string;
  fault?: { code: number; message: string; created: string; details?: string };
}

export interface Address {
  addr: string;
  version: 4 | 6;
  'OS-EXT-IPS:type': 'fixed' | 'floating';
  'OS-EXT-IPS-MAC:mac_addr': string;
}

export type ServerAction = keyof typeof requirements;

/** Why the API would refuse the action now; null when it would not. The rules are those that it enforces. */
export function whyNot(server: Server, action: ServerAction): string | null {
  if (server.locked && action !== 'snapshot') return 'It is locked; unlock it first.';
  const { vmStates, tasks = [] }: Requirement = requirements[action];
  const vmState = server['OS-EXT-STS:vm_state'] ?? 'building';
  const task = server['OS-EXT-STS:task_state'];
  if (!vmStates.includes(vmState)) return `The server is ${vmState}; it would have to be ${orList(vmStates)}.`;
  if (task !== null && tasks !== 'any' && !tasks.includes(task))
    return `Wait: ${task.replaceAll(/[-_]/g, ' ')} is under way.`;
  return null;
}

/** It will be different in a moment without anybody's doing. */
export function isMoving(server: Pick<Server, 'status' | 'OS-EXT-STS:task_state'>): boolean {
  return server['OS-EXT-STS:task_state'] !== null || server.status === 'BUILD';
}

/** Words between commas, each once. */
export function tagsIn(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}
