import { randomInt } from 'node:crypto';

/** Without characters that look alike, as in nova/utils.py, `generate_password`. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Twelve characters of 57: 70 bits. */
export function makePassword(): string {
  return Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('');
}
