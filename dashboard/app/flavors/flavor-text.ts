import { mebibytes } from '../parts/format.ts';
import type { Flavor } from './queries.ts';

/** `m1.small: 1 vCPU, 2 GiB, 20 GiB disk`. */
export function flavorText({ name, vcpus, ram, disk }: Flavor): string {
  const size = disk === 0 ? 'disk as large as the image' : `${disk} GiB disk`;
  return `${name}: ${vcpus} ${vcpus === 1 ? 'vCPU' : 'vCPUs'}, ${mebibytes(ram)}, ${size}`;
}
