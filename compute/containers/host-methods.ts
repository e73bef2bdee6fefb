import type { ContainerDriver } from '../drivers/driver.ts';
import type { HostMethods } from '../hosts/calls.ts';

export type LogOptions = Parameters<ContainerDriver['logs']>[1];
export type Executed = Awaited<ReturnType<ContainerDriver['execute']>>;

/** What a host can be asked about its containers; only `operations.ts` asks, after it has looked at who may. */
export function containerHostMethods(driver: ContainerDriver): HostMethods {
  return {
    containerLogs: ({ id, ...options }) => driver.logs(id as string, options as unknown as LogOptions),
    containerExecute: ({ id, command }) => driver.execute(id as string, command as string[]),
  };
}
