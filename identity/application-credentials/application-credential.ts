import type { AccessRule } from '../../common/context.ts';
import type { Named } from '../tokens/access.ts';

/** An access rule as a user keeps it: one for any number of their application credentials. */
export interface StoredAccessRule extends AccessRule {
  id: string;
}

/** What a program logs in with in a user's stead: some of the user's roles on one project. It never changes. */
export interface ApplicationCredential {
  id: string;
  userId: string;
  projectId: string;
  name: string;
  description: string | null;
  /** As chosen; what they imply is added when somebody logs in, and what the user has lost is taken away. */
  roles: Named[];
  /** May make further credentials. */
  unrestricted: boolean;
  /** `2006-01-02T15:04:05.000000`, UTC; null: never. */
  expiresAt: string | null;
  /** Null: any request. */
  accessRules: StoredAccessRule[] | null;
}
