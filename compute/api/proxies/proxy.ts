/** What the routes have in common that stand before other services, for clients from before those had an API of their own. */
import type { Context } from '../../../common/context.ts';
import type { Version } from '../../../common/http/microversion.ts';
import type { Enforcer } from '../../../common/policy/enforcer.ts';
import type { Rule } from '../../../common/policy/rules.ts';
import { requireUpTo } from '../by-version.ts';

/** The last microversion that has most of them (nova's MAX_PROXY_API_SUPPORT_VERSION). */
export const lastProxyMinor = 35;

/**
 * Throws the 404 of an unknown path after the last microversion of the proxies, and `Forbidden` for those whom the rule of the
 * service behind it refuses: who may not ask there may not ask here.
 */
export function enterProxy(
  { enforcer }: { enforcer: Pick<Enforcer, 'authorize'> },
  { ctx, version }: { ctx: Context; version: Version },
  behind: Rule,
): void {
  requireUpTo(version, lastProxyMinor);
  enforcer.authorize(ctx, behind);
}
