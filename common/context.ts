/** Who asks. It is made from a verified token and from nothing else: no header or body field can add to it. */
export interface Context {
  readonly requestId: string;
  readonly userId: string;
  /** The domain that owns the user. */
  readonly userDomainId: string;
  /** The project the token is for; null for unscoped, domain and system tokens. */
  readonly projectId: string | null;
  /** The domain the token is for; null unless it is domain-scoped. */
  readonly domainId: string | null;
  readonly system: boolean;
  /** Role names on that scope, implied ones included. */
  readonly roles: readonly string[];
  /** Administrator of the cloud: the role `admin` on a project or the system. On a domain it is not that. */
  readonly isAdmin: boolean;
  readonly token: TokenFacts;
}

/** What a rule that demands a project scope hands to its handler. */
export interface ProjectContext extends Context {
  readonly projectId: string;
}

export interface TokenFacts {
  /** Its own id first, then that of the token it was exchanged for. */
  readonly auditIds: readonly string[];
  readonly methods: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** Verifies the content of `X-Auth-Token`; throws `Unauthorized`. */
export type Authenticate = (token: string, requestId: string) => Promise<Context>;

/**
 * Whose rows a query may reach: a project id, or `everyone` for an administrator. Stores take it as an argument, so that no
 * query can forget it.
 */
export type Visible = { projectId: string } | 'everyone';

export function visibleTo(ctx: ProjectContext): Visible {
  return ctx.isAdmin ? 'everyone' : { projectId: ctx.projectId };
}
