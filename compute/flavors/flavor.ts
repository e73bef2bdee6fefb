/** A size of server. Servers keep a copy of the numbers, so that a flavor can go while they stay. */
export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  rxtxFactor: number;
  isPublic: boolean;
}
