import type { TextFilter } from '../api/listing.ts';
import type { Holder } from '../assignments/open-scopes.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';

export interface Domain {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  options: Options;
  extra: Extra;
}

/** The domain of everything that names none; its id is a word because clients are configured with it. */
export const defaultDomainId = 'default';

export interface DomainFilter {
  id?: string;
  name?: string;
  enabled?: boolean;
  /** Only domains on which they have a role. */
  openTo?: Holder;
  texts?: readonly TextFilter[];
  tags?: TagFilter;
}

/** Which tags a list is narrowed by: `all` of the first, at least one of `any`, and so on; absent narrows nothing. */
export interface TagFilter {
  all?: string[];
  any?: string[];
  notAll?: string[];
  notAny?: string[];
}
