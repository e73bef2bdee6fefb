/** All of what users hand on of their rights, and keep to be known by. */
import type { IdentityDeps } from '../deps.ts';
import { accessRulePolicy, accessRuleRoutes } from './access-rules.ts';
import { applicationCredentialPolicy, applicationCredentialRoutes } from './application-credentials.ts';
import { credentialPolicy, credentialRoutes } from './credentials.ts';
import { ec2CredentialPolicy, ec2CredentialRoutes } from './ec2-credentials.ts';
import { ec2TokenPolicy, ec2TokenRoutes } from './ec2-tokens.ts';
import { trustPolicy, trustRoutes } from './trusts.ts';

export const delegationPolicy = {
  ...applicationCredentialPolicy,
  ...accessRulePolicy,
  ...credentialPolicy,
  ...ec2CredentialPolicy,
  ...ec2TokenPolicy,
  ...trustPolicy,
};

export const delegationRoutes = (deps: IdentityDeps) => [
  ...applicationCredentialRoutes(deps),
  ...accessRuleRoutes(deps),
  ...credentialRoutes(deps),
  ...ec2CredentialRoutes(deps),
  ...ec2TokenRoutes(deps),
  ...trustRoutes(deps),
];
