/** Which limits the API speaks of in which microversion, and the forms of their numbers. */
import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { type Limits, networkResources, type QuotaResource, quotaResources } from '../quotas/resources.ts';
import { BooleanLike, closed } from './fields.ts';

const injected: readonly QuotaResource[] = [
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
];
const isNetworks = (name: QuotaResource) => networkResources[name] !== undefined;

/** Network's limits are gone from 2.36 on (of quota classes: 2.50), those of injected files from 2.57 on. */
export function shownResources(version: Version, { networkUntil = 35 } = {}): QuotaResource[] {
  return quotaResources.filter((name) => {
    if (isNetworks(name)) return !since(version, 2, networkUntil + 1);
    return !injected.includes(name) || !since(version, 2, 57);
  });
}

/** -1 is no limit. */
const Limit = Type.Union([
  Type.Integer({ minimum: -1, maximum: 0x7fffffff }),
  Type.String({ pattern: '^-?[0-9]+$', maxLength: 11 }),
]);

/** What may be set, by the microversion's resources. */
export function limitsBody(version: Version | undefined, options?: { networkUntil?: number }) {
  const names = version === undefined ? quotaResources : shownResources(version, options);
  return Object.fromEntries(names.map((name) => [name, Type.Optional(Limit)]));
}

export const QuotaSet = Type.Object(
  { quota_set: Type.Object({ ...limitsBody(undefined), force: Type.Optional(BooleanLike) }, closed) },
  closed,
);
export const QuotaClassSet = Type.Object({ quota_class_set: Type.Object(limitsBody(undefined), closed) }, closed);

/** The numbers in a body that its schema let pass. Throws `BadRequest` for what is known, and no longer in this microversion. */
export function limitsFrom(body: object, shown: readonly QuotaResource[]): Partial<Limits> {
  const entries = Object.entries(body).filter(([name]) => name !== 'force');
  for (const [name, value] of entries) {
    if (!shown.includes(name as QuotaResource))
      throw new BadRequest(`Additional properties are not allowed ('${name}' was unexpected)`);
    const limit = Number(value);
    if (limit < -1 || limit > 0x7fffffff)
      throw new BadRequest(`Invalid input for field/attribute ${name}. Value: ${value}.`);
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, Number(value)]));
}

export function pick<T>(all: Readonly<Record<QuotaResource, T>>, names: readonly QuotaResource[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
