import type { HostCapacity } from '../scheduler/filters.ts';

/** A machine that runs guests, as its own agent reports it. */
export interface ComputeHost extends HostCapacity {
  /** The number by which microversions before 2.53 name it, as hypervisor and as service. */
  number: number;
  address: string;
  /** An administrator says that it is down, whatever its agent says. */
  isForcedDown: boolean;
  /** Its agent is silent, too, or an administrator says so: nothing is known to run there, where `isUp` tells of the engine. */
  isDead: boolean;
  heartbeatAt: Date;
  /** As `uptime` printed it then; null of an agent that does not tell. */
  uptime: string | null;
  /** Those of its traits that administrators gave it. */
  customTraits: readonly string[];
  /** Grows with every change of it through Placement. */
  placementGeneration: number;
  /** Guests on it, servers and containers. */
  guests: number;
}

/** What an agent knows of the host it runs on. */
export interface HostReport {
  name: string;
  address: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  hypervisorType: string;
  hypervisorVersion: number;
  virtualisation: string;
  cpuModel: string;
  architecture: string;
  uptime?: string;
  /** HOST:PORT where servers of other hosts come in; absent or null: it takes none. */
  migrationAddress?: string | null;
  /** Not heard of for so long it is down; absent: as before, 30 at first. */
  downAfterSeconds?: number;
}

/** What administrators may say of a host. Absent leaves alone. */
export interface HostChanges {
  isDisabled?: boolean;
  disabledReason?: string | null;
  isForcedDown?: boolean;
}
