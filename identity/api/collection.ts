import { type IdentityDeps, identityUrl } from '../deps.ts';

/** Identity lists whole collections, and says so. */
export function collection<T>(deps: IdentityDeps, name: string, views: T[], url: URL) {
  return {
    [name]: views,
    links: { self: `${identityUrl(deps)}/${name}${url.search}`, previous: null, next: null },
  };
}
