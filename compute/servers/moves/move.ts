/** One way of one server from one host to another. Pure: nothing here reads or writes anything. */

import type { MigrationProgress } from '../../drivers/driver.ts';

export type MoveKind = 'migration' | 'resize' | 'live-migration' | 'evacuation';

/**
 * Nova's words. Cold: pre-migrating (the guest is shut down), migrating (its disk is sent), post-migrating (it is made on the
 * other host), finished (it waits to be confirmed), confirmed; or reverting, reverted. Live: queued, preparing, running, completed. Evacuation:
 * accepted (what is on its old host is kept), done (it runs elsewhere), completed (what was left on its old host is removed). Any: cancelled, error.
 * Cold and live are accepted, too, once the host that it leaves is dead and the other one lets nothing more of it in (`take-over.ts`).
 */
export type MoveStatus =
  | 'queued'
  | 'preparing'
  | 'running'
  | 'pre-migrating'
  | 'migrating'
  | 'post-migrating'
  | 'finished'
  | 'reverting'
  | 'confirmed'
  | 'reverted'
  | 'accepted'
  | 'done'
  | 'completed'
  | 'cancelled'
  | 'error';

export interface Move {
  /** By which the API before 2.59 names it, and paths always do. */
  number: number;
  id: string;
  serverId: string;
  kind: MoveKind;
  status: MoveStatus;
  /** Who asked; null when the cloud did by itself. */
  userId: string | null;
  projectId: string | null;
  sourceHost: string;
  destinationHost: string;
  sourceToClear: boolean;
  /** What is left there must not run, and goes only once the server is whole elsewhere. */
  sourceKept: boolean;
  destinationToClear: boolean;
  /** The source is dead: whether it has arrived is for the destination to tell. */
  destinationDecides: boolean;
  abortRequestedAt: Date | null;
  forceRequestedAt: Date | null;
  progress: MigrationProgress | null;
  reason: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** On which a server still is, or from which it can still go back. */
export const openStatuses = [
  'queued',
  'preparing',
  'running',
  'pre-migrating',
  'migrating',
  'post-migrating',
  'finished',
  'reverting',
  'accepted',
] as const satisfies readonly MoveStatus[];

/** Of a server that goes while it runs: what its host still works on. */
export const liveStatuses = ['queued', 'preparing', 'running'] as const satisfies readonly MoveStatus[];

/** In which the server may be whole on the other host before anybody has written that down: live and cold. */
export const sendingStatuses = ['running', 'migrating', 'accepted'] as const satisfies readonly MoveStatus[];

/** Of a server that goes while it runs: in which its host has to find out where it is. */
export function isLiveUnderWay({ kind, status }: Pick<Move, 'kind' | 'status'>): boolean {
  return kind === 'live-migration' && (status === 'accepted' || (liveStatuses as readonly string[]).includes(status));
}

/** It was evacuated, and is to be made anew. */
export function isMadeAnew({ kind, status }: Pick<Move, 'kind' | 'status'>): boolean {
  return kind === 'evacuation' && status === 'accepted';
}
