import type { IdentityDeps } from '../../deps.ts';
import type { Federation } from '../federation.ts';

export interface FederationDeps extends IdentityDeps {
  federation: Federation;
}
