import { randomBytes } from 'node:crypto';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether PostgreSQL would take it for a uuid column: anything else cannot name a row, so it is "not found", not an error. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** The form of Keystone's ids: 32 hexadecimal digits, no dashes. */
export function newHexId(): string {
  return randomBytes(16).toString('hex');
}
