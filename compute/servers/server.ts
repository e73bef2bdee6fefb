/** What a server is, and the words that clients see for it. Pure: nothing here reads or writes anything. */
import type { LocalDisk, PowerState } from '../drivers/driver.ts';
import type { LiveLimits } from '../flavors/live-limits.ts';

export type WantedPower = 'running' | 'paused' | 'suspended' | 'shutdown';
/**
 * Where a server on its way is. `cold`: its host shuts it down and hands it over. `live`: it goes while it runs. `back`: its
 * host gives it back to the one that it came from.
 */
export type ServerMove = 'cold' | 'live' | 'back';
export type RebootType = 'SOFT' | 'HARD';
/** What is asked for and not done, where no other field of the server tells: a reboot by its type, or the name of the action. */
export type PendingTask = RebootType | 'createImage' | 'createBackup' | 'changePassword';

/** A flavor as a server has it, whatever becomes of the flavor. */
export interface ServerFlavor {
  flavorId: string;
  flavorName: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  extraSpecs: Readonly<Record<string, string>>;
}

/** What a resized server was, until that is confirmed or reverted. */
export interface OldFlavor extends ServerFlavor {
  diskGeneration: number;
  ephemeralGib: number;
  swapMib: number;
  localDisks: LocalDisk[];
  /** What it takes of its host beside the root disk; `compute_claims` reads it. */
  extraDiskGib: number;
}

/** A virtual machine a project asked for. No field has two writers, so neither has to lock the other out. */
export interface Server extends ServerFlavor {
  id: string;
  projectId: string;
  userId: string;
  createdAt: Date;
  updatedAt: Date;
  // Written by operations: what was asked for.
  name: string;
  hostname: string;
  description: string | null;
  tags: string[];
  /** Who locked it: only an administrator unlocks what an administrator locked. */
  lockedBy: 'owner' | 'admin' | null;
  lockedReason: string | null;
  /** The image that was asked for. */
  imageId: string;
  /** What its root disk stands on: the same, or the image that it was kept in while it was shelved. */
  diskImageId: string;
  diskImageFormat: 'raw' | 'qcow2';
  /** The revision that asked for this root disk; another number is another disk. */
  diskGeneration: number;
  /** The disk that it is a copy of, in place of the image. */
  diskCopiedFrom: number | null;
  /** It runs from this image, with its own disk beside it; null when it is not to be rescued. */
  rescueImageId: string | null;
  rescueImageFormat: 'raw' | 'qcow2' | null;
  oldFlavor: OldFlavor | null;
  /** What its guest can become while it runs; null: only what it is. */
  liveLimits: LiveLimits | null;
  /** It is on its way from one size to another while it runs; until it is there it has claimed the larger of both. */
  liveResize: { from: ServerFlavor; to: ServerFlavor } | null;
  /** Of its flavor. */
  ephemeralGib: number;
  swapMib: number;
  /** What there is of it. */
  localDisks: LocalDisk[];
  rootDiskTag: string | null;
  keyName: string | null;
  metadata: Record<string, string>;
  /** The zone that was asked for; null when none was. */
  availabilityZone: string | null;
  accessIpv4: string;
  accessIpv6: string;
  diskConfig: 'AUTO' | 'MANUAL';
  reservationId: string;
  /** Beside the metadata service, which every server can ask. */
  hasConfigDrive: boolean;
  launchIndex: number;
  /** Null when no host had room (then `unplacedReason` says why) and while the server is shelved. */
  hostId: string | null;
  hostName: string | null;
  /** Where it goes (`move`); once it is there, where it came from, until that is confirmed or reverted. */
  otherHostId: string | null;
  otherHostName: string | null;
  move: ServerMove | null;
  unplacedReason: string | null;
  /** Host by host, for administrators. */
  unplacedDetails: string | null;
  wantedPower: WantedPower;
  deletionRequestedAt: Date | null;
  /** It is shut down, and deleted once it was so for as long as the site keeps what may be restored. */
  softDeletedAt: Date | null;
  /** Since when it is gone, of what lists tell of such servers. */
  goneAt?: Date | null;
  /** An administrator says that it is in error; the next wish heals it. */
  markedErrorAt: Date | null;
  /** Since when it is to be kept as an image, shut down. */
  shelvedAt: Date | null;
  /** Since when it is to take no host meanwhile. */
  offloadRequestedAt: Date | null;
  /** The image that it is kept in, until it runs again. */
  shelveImageId: string | null;
  revision: number; // grows with every change the host has to follow
  /** The first in its action log that is not done. */
  pendingTask: PendingTask | null;
  // Written by the reconciler: what it saw.
  settledRevision: number;
  observedPower: PowerState | null; // null until the host holds it
  observedDiskGeneration: number | null;
  observedRescue: boolean;
  /** It is shut down, and everything on its disk is in `shelveImageId`. */
  observedShelved: boolean;
  /** The guest ended by itself while this revision was in force: that is what is wanted until something else is asked for. */
  stoppedItselfAtRevision: number | null;
  faultMessage: string | null;
  faultDetails: string | null;
  faultAt: Date | null;
  isFaulty: boolean; // it gave up, or has failed for so long that the user has to know
  failingSince: Date | null;
  launchedAt: Date | null;
}

/** A host name made of a server's name, as nova does it: letters, digits, dots become dashes; never empty. */
export function hostnameFrom(name: string, id: string): string {
  const clean = name
    .normalize('NFKD')
    .replace(/[ _.]/g, '-')
    .replace(/[^A-Za-z0-9-]/g, '')
    .toLowerCase()
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return clean === '' ? `Server-${id}` : clean;
}
