/** What differs by microversion beyond a view's fields: routes that come and go, bodies, known query parameters. */
import type { TSchema } from 'typebox';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { validator } from '../../common/http/validate.ts';

/** As for a path that was never there, which is how Nova answers outside of an operation's versions. */
class NoSuchOperation extends NotFound {
  constructor() {
    super('The resource', '');
    this.message = 'The resource could not be found.';
  }
}

/** Throws the 404 of an unknown path where an operation is not there yet. */
export function requireSince(version: Version, minor: number): void {
  if (!since(version, 2, minor)) throw new NoSuchOperation();
}

/** Throws the 404 of an unknown path where an operation is gone; `minor` is the last microversion that has it. */
export function requireUpTo(version: Version, minor: number): void {
  if (since(version, 2, minor + 1)) throw new NoSuchOperation();
}

/** The newest of the alternatives that holds; the first one holds from the beginning. */
export function newest<T>(
  version: Version,
  alternatives: readonly [first: T, ...later: [minor: number, value: T][]],
): T {
  const [first, ...later] = alternatives;
  return later.reduce<T>((chosen, [minor, value]) => (since(version, 2, minor) ? value : chosen), first);
}

/**
 * Checks a body by the schema of its microversion, where a route's own schema lets those of all pass.
 * Throws `BadRequest` that names the field.
 */
export function checkBody(
  version: Version,
  body: unknown,
  schemas: readonly [first: TSchema, ...later: [minor: number, schema: TSchema][]],
): void {
  validator(newest(version, schemas), 'body')(body);
}

/** From 2.75 on (or an earlier `minor`) a query parameter that an operation does not know is refused; before, it is ignored. */
export function checkQuery(
  version: Version,
  query: Record<string, unknown>,
  known: readonly string[],
  { since: minor = 75 } = {},
): void {
  if (!since(version, 2, minor)) return;
  const unknown = Object.keys(query).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const list = unknown.map((name) => `'${name}'`).join(', ');
  throw new BadRequest(
    `Invalid input for query parameters ${list}: Additional properties are not allowed (${list} ${unknown.length === 1 ? 'was' : 'were'} unexpected)`,
  );
}
