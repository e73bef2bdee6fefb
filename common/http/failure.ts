import {
  BadRequest,
  CloudError,
  Conflict,
  Forbidden,
  KeyReused,
  NotFound,
  OverQuota,
  TooManyRequests,
  Unauthorized,
  Unavailable,
} from '../errors.ts';
import type { Failure } from './dialect.ts';
import { NotAcceptable } from './microversion.ts';

/** The body is of a type that this route does not read. */
export class UnsupportedMediaType extends CloudError {}

const statuses = new Map<unknown, number>([
  [BadRequest, 400],
  [Unauthorized, 401],
  [Forbidden, 403],
  [NotFound, 404],
  [NotAcceptable, 406],
  [Conflict, 409],
  [UnsupportedMediaType, 415],
  [KeyReused, 422],
  [TooManyRequests, 429],
  [Unavailable, 503],
]);

/** What a client may know of an error: our own named ones say what they say, anything else is a bug and says nothing. */
export function failureOf(
  error: Error,
  { requestId, overQuotaStatus }: { requestId: string; overQuotaStatus: number },
): Failure {
  const named = error instanceof CloudError ? error : translated(error);
  if (named)
    return { status: statusOf(named, overQuotaStatus), message: named.message, type: typeOf(named), requestId };
  const { output } = error as { output?: { statusCode: number; payload: { message: string } } };
  if (output && output.statusCode < 500)
    return { status: output.statusCode, message: output.payload.message, type: 'HTTPError', requestId };
  const message = `An unexpected error prevented the server from fulfilling your request. Tell your operator the request id ${requestId}.`;
  return { status: 500, message, type: 'HTTPInternalServerError', requestId };
}

function statusOf(error: CloudError, overQuotaStatus: number): number {
  if (error instanceof OverQuota) return overQuotaStatus;
  for (let type = error.constructor; type !== CloudError; type = Object.getPrototypeOf(type)) {
    const status = statuses.get(type);
    if (status !== undefined) return status;
  }
  return 500;
}

function typeOf(error: CloudError): string {
  return error instanceof NotFound ? `${error.resource.replaceAll(' ', '')}NotFound` : error.name;
}

// NUL bytes, untranslatable characters, numbers and times out of range, what is no time, or in no time zone
const badValue = new Set(['22021', '22P05', '22003', '22008', '22007', '22009']);
// A deadlock that this transaction was chosen to end, or one that cannot be put in a row with others.
const inEachOthersWay = new Set(['40P01', '40001']);
const noDatabase = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', '57P01', '57P03', '08006', '53300']);

/** Errors of PostgreSQL and its driver that are about the request, about others at the same time, or about the database being away. */
function translated(error: Error): CloudError | undefined {
  const { code = '', name } = error as Error & { code?: string };
  if (badValue.has(code))
    return new BadRequest('A value in the request holds characters, a number or a time that cannot be stored.');
  if (inEachOthersWay.has(code)) return new Unavailable('Another request was changing the same; try again.');
  if (noDatabase.has(code) || name === 'KnexTimeoutError' || error.message.includes('Connection terminated'))
    return new Unavailable('The database does not answer now; try again.');
  return undefined;
}
