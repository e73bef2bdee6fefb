import { BadRequest } from '../common/errors.ts';

const form =
  /^([1-9]\d{3})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-5]):?[0-5]\d)?$/;

/**
 * Reads the end of a trust's or credential's life: ISO 8601 with up to six digits of a second, UTC unless it says otherwise
 * (PostgreSQL knows no zone further off than 15:59). Gives it as PostgreSQL reads it. Throws `BadRequest`. Whether it is past
 * is for the database's clock.
 */
export function parseExpiry(text: string): string {
  const [, year, month, day, hour, minute, second = '0'] = text.match(form) ?? [];
  const at = new Date(
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)),
  );
  const isReal =
    at.getUTCMonth() === Number(month) - 1 && at.getUTCDate() === Number(day) && at.getUTCHours() === Number(hour);
  if (!isReal || Number(minute) > 59 || Number(second) > 59)
    throw new BadRequest('Timestamp not in expected format: expires_at must be like 2006-01-02T15:04:05.000000Z.');
  return /(?:Z|[+-]\d\d:?\d\d)$/.test(text.slice(10)) ? text : `${text}Z`;
}

/** Throws `BadRequest`: nothing can be made that is over already. */
export function refuseExpired(isExpired: boolean): void {
  if (isExpired) throw new BadRequest('The expires_at must not be in the past.');
}

/** The column as text with all of its microseconds, which a `Date` would cut. */
export const microsecondsOf = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;
