import { ApiFailure } from '../api/failure.ts';

export type Tone = 'good' | 'moving' | 'off' | 'bad';

const good = new Set(['active', 'running', 'available', 'online']);
const bad = new Set(['error', 'killed', 'dead', 'unknown', 'error_deleting']);
const moving =
  /^(build|creating|deleting|restarting|rebuilding|stopping|starting|reboot|hard_reboot|saving|uploading|importing|pending_.*|migrating|resize|revert_resize|rebuild|password)$/;

/** What a status word of any service means to the eye: works, is under way, rests, or needs somebody. */
export function toneOf(status: string): Tone {
  const word = status.toLowerCase();
  if (good.has(word)) return 'good';
  if (bad.has(word)) return 'bad';
  return moving.test(word) ? 'moving' : 'off';
}

/** How soon to look again, in milliseconds: often while something is under way, never once it is gone. */
export function refreshAfterMs(isMoving: boolean, error: unknown = null): number | false {
  if (error instanceof ApiFailure && error.status === 404) return false;
  return isMoving && error === null ? 1500 : 15_000;
}
