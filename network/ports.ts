/**
 * What other services may do with networks: every function takes `db` first, so that one transaction spans services.
 * They check scope (an id of somebody else is not found) but no policy: the caller's own rule stands for the whole request.
 */

import type { Visible } from '../common/context.ts';
import type { Knex } from '../common/database/database.ts';
import type { GuestPort } from '../compute/drivers/driver.ts';

/** A port for a device: a new one on a network, or one the user made before. */
export interface PortRequest {
  projectId: string;
  /** Whose networks and ports the caller may name: `visibleTo(ctx)`. */
  visible: Visible;
  /** Exactly one of `networkId` and `portId`. */
  networkId?: string;
  portId?: string;
  /** A free address of the network, for a new port; any free one when absent. */
  fixedIp?: string;
  /** For a new port; the project's default group when absent, none when empty. As `resolveSecurityGroups` gives them. */
  securityGroupIds?: string[];
  /** The server or container. */
  deviceId: string;
  /** `compute:nova`, `compute:kuryr` … */
  deviceOwner: string;
  /** Of a new port; empty when absent. */
  name?: string;
  /** The host that will carry it; null while that is not known (`bindPort` later). */
  hostName: string | null;
}

/** An address of a guest, as compute shows them. */
export interface GuestAddress {
  networkId: string;
  networkName: string;
  portId: string;
  address: string;
  version: 4 | 6;
  macAddress: string;
  type: 'fixed' | 'floating';
}

/**
 * Gives the device a port, inside the caller's transaction. Throws `NetworkNotFound`/`PortNotFound` (as `NotFound`),
 * `Conflict` kinds (`PortInUse`, `IpAddressInUse`, `IpAddressGenerationFailure`) and `OverQuota`.
 */
export declare function createPort(trx: Knex, request: PortRequest): Promise<{ id: string; networkId: string }>;
/** Says which host carries the port; null unbinds it. */
export declare function bindPort(trx: Knex, portId: string, hostName: string | null): Promise<void>;
/** Takes one port, or all, from the device: deletes those made for it, frees those that the user made. */
export declare function releasePorts(trx: Knex, deviceId: string, portId?: string): Promise<void>;
/** What drivers plug, by device, in the order in which the ports were given; devices without ports are absent. */
export declare function guestPorts(db: Knex, deviceIds: readonly string[]): Promise<Map<string, GuestPort[]>>;
/** Fixed and floating addresses by device, fixed before floating within a port; one query. */
export declare function addressesOf(db: Knex, deviceIds: readonly string[]): Promise<Map<string, GuestAddress[]>>;
/**
 * The network of a request that names none: the project's only one, else the only shared one that is not external;
 * undefined when there is none. Throws `Conflict` when there are several.
 */
export declare function defaultNetworkFor(db: Knex, projectId: string): Promise<string | undefined>;
/** Names or ids of the project's groups to ids. Throws `NotFound`, and `Conflict` when a name is not unique. */
export declare function resolveSecurityGroups(
  db: Knex,
  projectId: string,
  namesOrIds: readonly string[],
): Promise<string[]>;
/** Names of the security groups of each device's ports, without repetition; for compute's `security_groups`. */
export declare function securityGroupNamesOf(db: Knex, deviceIds: readonly string[]): Promise<Map<string, string[]>>;
