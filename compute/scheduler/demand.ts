import type { GroupDemand } from '../server-groups/server-group.ts';

/** What a guest needs of its host. */
export interface Demand {
  vcpus: number;
  /** How many the guest has in the end, where it claims only what it takes more than before. */
  guestVcpus?: number;
  memoryMib: number;
  diskGib: number;
  /** Null: any. */
  zone: string | null;
  /** An administrator's choice of host; null: any. */
  hostName: string | null;
  /** Whose it is: some hosts are for some projects. */
  projectId: string;
  /** The flavor's; containers have none. */
  extraSpecs?: Readonly<Record<string, string>>;
  /** Its image's: `trait:NAME`, and what the hypervisor has to be; the flavor says more in its extra specs. */
  imageProperties?: Readonly<Record<string, string>>;
  /** Of the server group it belongs to, if it does. */
  group?: GroupDemand;
  /** Names of hosts where something of it is left that is to be removed before it may be there again. */
  uncleared?: ReadonlySet<string>;
  /** It leaves a host for another one. */
  leaving?: {
    hostName: string;
    /** Something of it is sent there, which not every host lets in. */
    needsRoad: boolean;
    /** It goes while it runs: no hypervisor older than its own can take it. */
    hypervisorVersion?: number;
  };
  /** Hosts that a hint named by servers: one of these, none of those. */
  sameHostIds?: ReadonlySet<string>;
  differentHostIds?: ReadonlySet<string>;
}
