import { Forbidden } from '../common/errors.ts';

/** Keystone's resource options: `immutable` of most resources, and those of users. */
export type Options = Readonly<Record<string, unknown>>;

/** The options after a change: null clears one, absent leaves it alone. */
export function mergedOptions(before: Options, changes: Options = {}): Options {
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null));
}

/**
 * Throws `Forbidden` for any change of an immutable resource but the one that ends that: `immutable` alone must be set to
 * false or null first (keystone/common/resource_options/options/immutable.py).
 */
export function checkMayChange(
  kind: string,
  { id, options }: { id: string; options: Options },
  changes: { options?: Options | undefined },
): void {
  if (options.immutable !== true) return;
  const changed = Object.entries(changes).filter(([, value]) => value !== undefined && !isEmptyObject(value));
  const mends = changed.length === 1 && 'immutable' in (changes.options ?? {}) && changes.options?.immutable !== true;
  if (mends) return;
  throw new Forbidden(
    `Unable to update immutable ${kind} resource: ${id}. Set resource option 'immutable' to false first.`,
  );
}

/** Throws `Forbidden` for an immutable resource. */
export function checkMayDelete(kind: string, { id, options }: { id: string; options: Options }): void {
  if (options.immutable !== true) return;
  throw new Forbidden(
    `Unable to delete immutable ${kind} resource: ${id}. Set resource option 'immutable' to false first.`,
  );
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
