import { BadRequest } from '../common/errors.ts';

/** Attributes of a resource that the API does not know. Keystone keeps and shows them, and clients' `--property` are made of them. */
export type Extra = Readonly<Record<string, unknown>>;

const limits = { bytes: 65_536, keyLength: 255, depth: 10 };

/** What is in a body besides the `known` attributes. Throws `BadRequest` for what cannot be kept. */
export function extraOf(body: object, known: readonly string[]): Extra {
  const extra = Object.fromEntries(Object.entries(body).filter(([key]) => !known.includes(key)));
  for (const [key, value] of Object.entries(extra)) {
    if (key === '' || key.length > limits.keyLength)
      throw new BadRequest(`Names of attributes have 1 to ${limits.keyLength} characters.`);
    checkStorable(key, limits.depth);
    checkStorable(value, limits.depth);
  }
  return extra;
}

/** The attributes after a change: given ones are replaced, others stay. Throws `BadRequest` when they are too large together. */
export function mergedExtra(before: Extra, changes: Extra): Extra {
  const after = { ...before, ...changes };
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes > limits.bytes)
    throw new BadRequest(`Additional attributes take ${bytes} bytes; at most ${limits.bytes} are kept.`);
  return after;
}

/** PostgreSQL keeps no NUL and no half of a surrogate pair. */
function checkStorable(value: unknown, depth: number): void {
  if (depth === 0) throw new BadRequest(`Additional attributes are nested deeper than ${limits.depth}.`);
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw new BadRequest('An additional attribute holds a character that cannot be stored.');
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      checkStorable(key, depth);
      checkStorable(inner, depth - 1);
    }
  }
}
