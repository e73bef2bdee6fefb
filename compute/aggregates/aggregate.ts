import { availabilityZone } from '../limits.ts';

/** Hosts that have something in common. One whose metadata names an availability zone puts its hosts into that zone. */
export interface Aggregate {
  /** What the API calls its id. */
  number: number;
  /** From 2.41. */
  id: string;
  name: string;
  metadata: Record<string, string>;
  /** Names of hosts. */
  hosts: string[];
  createdAt: Date;
  updatedAt: Date | null;
}

const zoneKey = 'availability_zone';

/** The zone of a host in aggregates with this metadata. They never name two; without any it is in the default one. */
export function zoneOf(aggregates: readonly Readonly<Record<string, string>>[]): string {
  return aggregates.map((metadata) => metadata[zoneKey]).find((zone) => zone !== undefined) ?? availabilityZone;
}
