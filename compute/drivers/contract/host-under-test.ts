/** What the contract's tests are given: a host, and guests as small as can be. */
import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { ContainerDriver, ContainerSpec, GuestPort, LocalImage, ServerDriver, ServerSpec } from '../driver.ts';

export type Test = ExecutionContext<unknown>;
export type RegisterTest = (title: string, implementation: (t: Test) => Promise<void>) => void;

/** A host under test. Whatever it holds is to be released through `t.teardown`; guests are removed by the contract. */
export interface HostUnderTest<Driver> {
  driver: Driver;
  /** Opens one more driver on the same host, as our process does when it was restarted. Closed by the contract. */
  reopen(): Promise<Driver>;
  /** Cuts the guest's power behind the driver's back. */
  lose(id: string): Promise<void>;
  /** Removes the guest from its engine behind the driver's back; files may stay. */
  forget(id: string): Promise<void>;
  /** What the engine really gave to the guest, of the next start if it is running. */
  configured(id: string): Promise<{ memoryMib: number }>;
  /** Names of everything on the host that still belongs to this guest. */
  leftovers(id: string): Promise<string[]>;
}

export interface ServerHostUnderTest extends HostUnderTest<ServerDriver> {
  /** A disk whose guest, at each boot, writes the line `booted` to its serial console and then runs until it is stopped. */
  image: LocalImage;
  /** The ids of the ports whose frames reach the guest, or would if it ran. */
  connected(id: string): Promise<string[]>;
}

export interface ContainerHostUnderTest extends HostUnderTest<ContainerDriver> {
  /** A `docker save` archive of an image that has `sleep`, `echo`, `true` and `false`, and whose own command is `sleep 3600`. */
  imageArchive: string;
}

/** A server as small as can be; removed when the test ends, as every guest the contract makes. */
export function smallServer(host: ServerHostUnderTest, changes: Partial<ServerSpec> = {}): ServerSpec {
  const id = randomUUID();
  return {
    id,
    name: `contract ${id}`,
    vcpus: 1,
    memoryMib: 32,
    rootDiskGib: 0,
    image: host.image,
    rootDisk: 1,
    rootDiskCopiedFrom: null,
    rescueImage: null,
    ports: [],
    configDrive: null,
    ...changes,
  };
}

export function smallPort(): GuestPort {
  const id = randomUUID();
  const macAddress = `fa:16:3e:${id.slice(0, 6).replace(/..(?!$)/g, '$&:')}`;
  return { id, macAddress, mtu: 1442, addresses: [], dnsServers: [] };
}

export function smallContainer(imageId: string, changes: Partial<ContainerSpec> = {}): ContainerSpec {
  const id = randomUUID();
  return {
    id,
    name: `contract ${id}`,
    imageId,
    command: null,
    environment: {},
    workingDirectory: null,
    labels: {},
    hostname: `contract-${id.slice(0, 8)}`,
    cpus: 0.5,
    memoryMib: 32,
    pidsLimit: 50,
    interactive: false,
    tty: false,
    restartPolicy: { name: 'no', maximumRetries: 0 },
    ports: [],
    ...changes,
  };
}

/** Waits for a condition, with a deadline only so that a failure is a message and not a hang. */
export async function until(t: Test, what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 300_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw t.fail(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
