import type { TokenDeps } from './tokens/operations.ts';

/** What every identity route may use. */
export interface IdentityDeps extends TokenDeps {
  publicUrl: string;
  region: string;
}

/** Where identity answers; every link of its bodies begins with it. */
export function identityUrl({ publicUrl }: { publicUrl: string }): string {
  return `${publicUrl}/identity/v3`;
}
