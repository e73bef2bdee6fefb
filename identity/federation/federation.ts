import type { Logger } from '../../common/logger.ts';
import type { TokenChecker } from './issuers/keycloak.ts';
import type { FederationSettings, Issuer } from './issuers/settings.ts';

export interface ConfiguredIssuer extends Issuer {
  checker: TokenChecker;
}

/** Who is listened to, and what may be handed where: the operator's decision, by issuer. */
export interface Federation {
  issuers: ReadonlyMap<string, ConfiguredIssuer>;
  trustedDashboards: ReadonlySet<string>;
  log: Logger;
}

/** The dashboard of this cloud, where single sign-on posts its token. */
export function ownDashboard(publicUrl: string): string {
  return `${publicUrl}/dashboard/sso`;
}

/** Opens no connection: an issuer is asked for its keys when its first token comes. */
export async function openFederation(
  { issuers, trustedDashboards }: FederationSettings,
  { publicUrl, log }: { publicUrl: string; log: Logger },
): Promise<Federation> {
  return {
    issuers: new Map(await Promise.all(issuers.map(configured))),
    trustedDashboards: new Set([...trustedDashboards, ownDashboard(publicUrl)]),
    log,
  };
}

/** Most clouds listen to nobody, and need not load what checks tokens. */
async function configured(issuer: Issuer): Promise<[string, ConfiguredIssuer]> {
  const { keycloakChecker } = await import('./issuers/keycloak.ts');
  return [issuer.issuer, { ...issuer, checker: keycloakChecker(issuer) }];
}
