import { BadRequest } from '../errors.ts';

/** The part of a list a client asked for. */
export interface PageRequest {
  /** Most items to answer; never above the service's own maximum. */
  limit: number;
  /** The id of the last item of the page before. */
  marker: string | undefined;
}

export const maxPageSize = 1000;

/** Reads `limit` and `marker`. Throws `BadRequest` on a limit that is not a whole number of zero or more. */
export function pageRequest(query: Record<string, unknown>, max = maxPageSize): PageRequest {
  const marker = one(query.marker);
  const limit = one(query.limit);
  if (limit === undefined || limit === '') return { limit: max, marker };
  if (!/^\d{1,9}$/.test(limit)) throw new BadRequest(`Invalid input for query parameter limit. Value: ${limit}.`);
  return { limit: Math.min(Number(limit), max), marker };
}

/** The path and query of the next page: this request's own, with the marker moved on. */
export function nextHref(url: URL, base: string, marker: string, limit: number): string {
  const query = new URLSearchParams(url.search);
  query.set('marker', marker);
  if (query.has('limit')) query.set('limit', String(limit));
  return `${base}?${query}`;
}

/** `{"servers": […], "servers_links": […]}`, with the link only when a further page exists (compute, block storage, network). */
export function linkedPage<T>(
  collection: string,
  views: T[],
  {
    more,
    marker,
    url,
    base,
    limit,
  }: { more: boolean; marker: string | undefined; url: URL; base: string; limit: number },
): Record<string, unknown> {
  if (!more || marker === undefined) return { [collection]: views };
  return { [collection]: views, [`${collection}_links`]: [{ rel: 'next', href: nextHref(url, base, marker, limit) }] };
}

/** The last value of a query parameter that may have come several times. */
export function one(value: unknown): string | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value;
  return typeof last === 'string' ? last : undefined;
}

/** All the values of a query parameter. */
export function many(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string');
  return typeof value === 'string' ? [value] : [];
}

const yes = new Set(['1', 'true', 'yes', 'on', 't', 'y']);
const no = new Set(['0', 'false', 'no', 'off', 'f', 'n']);

/** A boolean as OpenStack's clients write it (`True`, `1`, `yes` …); undefined when the parameter is absent. */
export function flag(value: unknown, name: string): boolean | undefined {
  const text = one(value)?.toLowerCase();
  if (text === undefined) return undefined;
  if (yes.has(text)) return true;
  if (no.has(text)) return false;
  throw new BadRequest(`Invalid input for query parameter ${name}. Value: ${text} is not a boolean.`);
}
