export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

/** Servers that are to be on the same host, or on different ones; softly: as far as there is room. */
export interface ServerGroup {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  policy: GroupPolicy;
  /** Of an `anti-affinity` group: so many may share a host. Null: nothing was said, which means one. */
  mostPerHost: number | null;
  /** Ids of servers, in the order they came. */
  members: string[];
}

/** What the scheduler has to know of a group to place one more of its servers. */
export interface GroupDemand {
  policy: GroupPolicy;
  mostPerHost: number;
  /** How many of its servers are on a host, by the host's id. */
  guestsByHost: ReadonlyMap<string, number>;
}
