/** Somebody elsewhere whose word on who a user is counts here. */
export interface IdentityProvider {
  /** Chosen by who registers it. */
  id: string;
  /** The domain of the users that it brings. */
  domainId: string;
  enabled: boolean;
  description: string | null;
  /** Minutes for which a login's groups count; null or 0: as long as the token. */
  authorizationTtl: number | null;
  /** Issuers (`iss`) that speak for it; only those which the operator configured are listened to. */
  remoteIds: string[];
}

/** A way to log in at an identity provider, and the mapping for those who do. */
export interface Protocol {
  id: string;
  identityProviderId: string;
  mappingId: string;
  /** An attribute that must name one of the remote ids. */
  remoteIdAttribute: string | null;
}
