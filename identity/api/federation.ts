import type { FederationDeps } from '../federation/log-in/deps.ts';
import { federationAuthRoutes } from './federation-auth.ts';
import { identityProviderPolicy, identityProviderRoutes } from './federation-identity-providers.ts';
import { mappingPolicy, mappingRoutes } from './federation-mappings.ts';
import { protocolPolicy, protocolRoutes } from './federation-protocols.ts';
import { serviceProviderPolicy, serviceProviderRoutes } from './federation-service-providers.ts';
import { singleSignOnRoutes } from './federation-single-sign-on.ts';

export const federationPolicy = {
  ...identityProviderPolicy,
  ...protocolPolicy,
  ...mappingPolicy,
  ...serviceProviderPolicy,
};

/** Everything about logins elsewhere. */
export const federationRoutes = (deps: FederationDeps) => [
  ...identityProviderRoutes(deps),
  ...protocolRoutes(deps),
  ...mappingRoutes(deps),
  ...serviceProviderRoutes(deps),
  ...federationAuthRoutes(deps),
  ...singleSignOnRoutes(deps),
];
