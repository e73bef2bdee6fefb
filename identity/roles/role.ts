import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';

export interface Role {
  id: string;
  name: string;
  description: string | null;
  /** Null: everybody's. A domain's own role is given in that domain alone, and only what it implies reaches a token. */
  domainId: string | null;
  options: Options;
  extra: Extra;
}

/** In an update, absent means leave alone. */
export interface RoleChanges {
  name?: string | undefined;
  description?: string | null | undefined;
  options?: Options | undefined;
  extra?: Extra | undefined;
}

/** A rule that whoever has the first role has the second too. */
export interface Implication {
  prior: Role;
  implied: Role;
}

/** Never implied by another (keystone's `prohibited_implied_role`): who has it has all there is. */
export const neverImplied: readonly string[] = ['admin'];
