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
  /** Through what the user acts, when not by themselves; null for who logged in with their own proof. */
  readonly delegation: Delegation | null;
  readonly token: TokenFacts;
}

/** Rights handed on: a program with an application credential, or one user for another by a trust. Never more than their giver's. */
export type Delegation =
  | {
      readonly type: 'application_credential';
      readonly id: string;
      /** May not make further credentials: keystone's default, unless it was created `unrestricted`. */
      readonly restricted: boolean;
      /** Null: any request. Otherwise only what one of them matches. */
      readonly accessRules: readonly AccessRule[] | null;
    }
  | {
      readonly type: 'trust';
      readonly id: string;
      readonly trustorId: string;
      readonly trusteeId: string;
      /** The token's user is the trustor; otherwise it is the trustee, with the trustor's roles. */
      readonly impersonation: boolean;
      /** Everybody through whose hands it came: first whose roles they are, at last the trustee. */
      readonly agentIds: readonly string[];
    }
  /** A program that the user allowed some of their roles in one project (OAuth 1.0); `id` is its access token's. */
  | { readonly type: 'oauth1'; readonly id: string; readonly consumerId: string };

/** One kind of request: a service's type in the catalog, an HTTP method, and a path in which `*` is a segment and `**` is many. */
export interface AccessRule {
  readonly service: string;
  readonly method: string;
  readonly path: string;
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

export function visibleTo(ctx: Pick<ProjectContext, 'isAdmin' | 'projectId'>): Visible {
  return ctx.isAdmin ? 'everyone' : { projectId: ctx.projectId };
}
