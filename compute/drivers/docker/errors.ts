import { CloudError, Conflict, NotFound, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { DiskFull } from '../driver.ts';

const unreachable = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EACCES', 'ABORT_ERR']);

/** What docker-modem throws: a status and the daemon's own words, or a socket error with a code. */
interface EngineError extends Error {
  statusCode?: number;
  code?: string;
  json?: { message?: string } | null;
}

/** The HTTP status the engine answered with; undefined for anything that is not an answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error ? (error as EngineError).statusCode : undefined;
}

/** What the engine said, without docker-modem's prefix. For decisions and causes, never for a user. */
export function engineMessage(error: unknown): string {
  const { json, message } = error as EngineError;
  return json?.message ?? message ?? String(error);
}

/**
 * Renames a failure of the engine. Messages are for users and so hold no paths, ids or words of the engine; those stay in
 * the cause. An unknown 5xx may be load or a restart and is tried again; a 400 will be a 400 the next time too.
 */
export function renamed(error: unknown, resource: string, id: string): CloudError {
  if (error instanceof CloudError) return error;
  const cause = { cause: error };
  const status = statusOf(error);
  if (status === undefined) {
    const { code = '', message = '' } = error as EngineError;
    if (unreachable.has(code) || /socket hang up|aborted/.test(message)) {
      return new Unavailable('The container engine does not answer.', cause);
    }
    return new CloudError(`The container engine failed on ${resource} ${id}.`, cause);
  }
  const words = engineMessage(error);
  if (status === 404) return new NotFound(resource, id, cause);
  const program = programFault(words);
  if (program !== undefined) return new PermanentFailure(`${resource} ${id} cannot run: ${program}.`, cause);
  if (/no space left on device/i.test(words)) {
    return new DiskFull(`The host has no disk space left for ${resource.toLowerCase()} ${id}.`, cause);
  }
  if (status === 409) return new Conflict(`${resource} ${id} is not in a state that allows this.`, cause);
  if (status === 400)
    return new PermanentFailure(`The container engine refuses ${resource.toLowerCase()} ${id}.`, cause);
  return new Unavailable(`The container engine failed on ${resource.toLowerCase()} ${id}.`, cause);
}

/** Whether it does not start because of what an engine left that was killed while it started it; by the engine's own words, in the cause. */
export function isLeftByKilledEngine(error: unknown): boolean {
  const words = error instanceof Error ? String(error.cause) : '';
  return /failed to start shim: mkdir .*: file exists|task [0-9a-f]+: already exists/.test(words);
}

/** Why a container's own program could not be run: the user's to repair. Texts of runc 1.1 and 1.2. */
function programFault(words: string): string | undefined {
  if (/executable file not found|no such file or directory: unknown/.test(words)) {
    return 'its program is not in the image';
  }
  if (/exec format error/.test(words)) return 'its program is not made for the processor of the host';
  if (/permission denied: unknown/.test(words)) return 'its program may not be executed';
  if (/unable to find user|no matching entries in (passwd|group) file/.test(words)) {
    return 'the image names a user that it does not have';
  }
  return undefined;
}
