/** How much of what a host has may be promised to guests. Pure. */

/** What guests take of hosts; Placement calls them VCPU, MEMORY_MB and DISK_GB. */
export const resources = ['vcpus', 'memoryMib', 'diskGib'] as const;
export type Resource = (typeof resources)[number];
export type Amounts = Readonly<Record<Resource, number>>;

export interface Inventory {
  /** Kept for the host itself, in the unit of the resource. */
  reserved: number;
  /** How often the rest may be promised. */
  ratio: number;
}

/** What holds for hosts of which nobody has said otherwise. */
export type Allocation = Readonly<Record<Resource, Readonly<Inventory>>>;

/** What an administrator has said of one host; null: as the settings say. */
export type OwnInventories = Readonly<Record<Resource, Readonly<Record<keyof Inventory, number | null>>>>;

export interface HostResources extends Amounts {
  inventories: OwnInventories;
}

export function inventoryOf(host: HostResources, allocation: Allocation, resource: Resource): Inventory {
  const own = host.inventories[resource];
  const usual = allocation[resource];
  return { reserved: own.reserved ?? usual.reserved, ratio: own.ratio ?? usual.ratio };
}

/** Most that guests may claim of it together. */
export function capacityOf(host: HostResources, allocation: Allocation, resource: Resource): number {
  const { reserved, ratio } = inventoryOf(host, allocation, resource);
  return Math.max(0, host[resource] - reserved) * ratio;
}
