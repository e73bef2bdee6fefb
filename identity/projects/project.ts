import type { TextFilter } from '../api/listing.ts';
import type { Holder } from '../assignments/open-scopes.ts';
import type { TagFilter } from '../domains/domain.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';

export interface Project {
  id: string;
  domainId: string;
  /** Null for a project directly below its domain. */
  parentId: string | null;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  options: Options;
  extra: Extra;
}

/** Projects below projects: so many levels, without the domain (keystone's `max_project_tree_depth`). */
export const maxDepth = 5;

export interface ProjectFilter {
  name?: string | undefined;
  domainId?: string | undefined;
  /** A project's or, for those at the top, a domain's. */
  parentId?: string | undefined;
  enabled?: boolean | undefined;
  /** Only projects on which they have a role, whether or not the project is enabled. */
  openTo?: Holder | undefined;
  isDomainEnabled?: true;
  texts?: readonly TextFilter[];
  tags?: TagFilter;
}
