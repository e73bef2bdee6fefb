import type { SourceAddress } from '../common/http/source-address.ts';
import type { Enforcer } from '../common/policy/enforcer.ts';
import type { LimitModel } from './limits/model.ts';
import type { IdentityMemory } from './memory.ts';
import type { TokenDeps } from './tokens/deps.ts';
import type { UserLimits } from './user-limits.ts';

/** What every identity route may use. */
export interface IdentityDeps extends TokenDeps {
  enforcer: Enforcer;
  memory: IdentityMemory;
  /** Where a request came from, to limit how often somebody may fail. */
  sourceOf: SourceAddress;
  publicUrl: string;
  limitModel: LimitModel;
  userLimits: UserLimits;
}

/** Where identity answers; every link of its bodies begins with it. */
export function identityUrl({ publicUrl }: { publicUrl: string }): string {
  return `${publicUrl}/identity/v3`;
}
