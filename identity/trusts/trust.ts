/** Rights on a project that one user (the trustor) hands to another (the trustee). Only how often it was used ever changes. */
export interface Trust {
  id: string;
  trustorId: string;
  trusteeId: string;
  /** Null: it hands on nothing, and nobody can log in with it. */
  projectId: string | null;
  /** Who logs in with it is the trustor to everybody; otherwise themselves, with the trustor's roles. */
  impersonation: boolean;
  /** `2006-01-02T15:04:05.000000`, UTC; null: never. */
  expiresAt: string | null;
  /** Null: any number. */
  remainingUses: number | null;
  /** How many times in a row the trustee's side may hand it on. */
  redelegationCount: number;
  redelegatedTrustId: string | null;
  roles: TrustRole[];
}

export interface TrustRole {
  id: string;
  name: string;
  description: string | null;
}

/** The longest chain that a trustor can allow: keystone's `max_redelegation_count`. */
export const mostRedelegations = 3;
