/** What servers need of the other services, as functions that take `db` first so that one transaction spans them all. */
import type { Readable } from 'node:stream';
import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import type * as ports from '../../network/ports.ts';

/** The network service's side: `network/ports.ts` itself. */
export type Networking = Pick<
  typeof ports,
  | 'createPort'
  | 'releasePorts'
  | 'guestPorts'
  | 'addressesOf'
  | 'defaultNetworkFor'
  | 'resolveSecurityGroups'
  | 'securityGroupNamesOf'
>;

/** What has to be known of an image before a server is made of it. */
export interface UsableImage {
  id: string;
  status: string;
  diskFormat: string | null;
  containerFormat: string | null;
  /** Bytes of data; null until it is uploaded. */
  sizeBytes: number | null;
  /** Bytes of the disk inside; null when unknown. */
  virtualSizeBytes: number | null;
  minDiskGib: number;
  minMemoryMib: number;
}

export interface Images {
  /** Throws `NotFound` for one that does not exist or that the caller may not use. */
  getUsableImage(db: Knex, visible: Visible, id: string): Promise<UsableImage>;
  /**
   * An image's bytes: the file on this machine that holds them and must not be changed, where there is one, and a stream in
   * any case. Throws `NotFound` when the image is gone.
   */
  imageData(db: Knex, id: string): Promise<{ path: string | undefined; open(): Promise<Readable> }>;
}
