/** A size of server. Servers keep a copy of the numbers, so that a flavor can go or change while they stay. */
export interface Flavor {
  id: string;
  name: string;
  description: string | null;
  vcpus: number;
  memoryMib: number;
  /** Of the root disk; 0: as large as the image. */
  diskGib: number;
  /** Of further disks that end with the server. */
  ephemeralGib: number;
  swapMib: number;
  /** Nova's, and without effect since nova-network went. */
  rxtxFactor: number;
  isPublic: boolean;
  /** What its servers need beyond sizes; extra-specs.ts says which mean something here. */
  extraSpecs: Record<string, string>;
}
