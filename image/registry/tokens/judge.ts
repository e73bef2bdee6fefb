/** What somebody's rights allow them in the registry, by the policy of this moment. */
import type { Context } from '../../../common/context.ts';
import { accessRuleMatches } from '../../../common/http/access-rule.ts';
import type { Rule } from '../../../common/policy/rules.ts';
import { contextOf } from '../../../identity/plugin.ts';
import type { Token } from '../../../identity/tokens/token.ts';
import type { RegistryDeps } from '../deps.ts';
import { registryPolicy } from '../policy.ts';
import type { Action } from './registry-token.ts';

/** The rules that stand behind what a client may ask for; having one of them is having some of it. */
export const rulesOf: Record<Action, Rule[]> = {
  pull: [registryPolicy['registry:repository:pull']],
  push: [registryPolicy['registry:repository:push']],
  delete: [registryPolicy['registry:artifact:delete'], registryPolicy['registry:tag:delete']],
};

/** In access rules of application credentials. */
export const accessRuleService = 'container-registry';

/** The context of these rights; undefined once something has ended them. */
export async function contextNow(
  { tokens }: Pick<RegistryDeps, 'tokens'>,
  rights: Token,
  requestId: string,
  accessRulesOf: (applicationCredentialId: string) => Promise<Parameters<typeof contextOf>[2]>,
): Promise<Context | undefined> {
  if (rights.expiresAt.getTime() <= Date.now() || (await tokens.revocations.isRevoked(rights))) return undefined;
  const { delegation } = rights;
  if (delegation?.type !== 'application_credential' || !delegation.hasAccessRules) return contextOf(rights, requestId);
  return contextOf(rights, requestId, await accessRulesOf(delegation.id));
}

/** Whether the access rules of an application credential, where it has any, name this request. */
export function accessRulesAllow({ delegation }: Context, method: string, path: string): boolean {
  if (delegation?.type !== 'application_credential' || delegation.accessRules === null) return true;
  // Whoever may have something may also ask whether it is there, as docker does before each pull.
  const asked = { service: accessRuleService, method: method.toUpperCase().replace(/^HEAD$/, 'GET'), path };
  return delegation.accessRules.some((rule) => accessRuleMatches(rule, asked));
}

export const allowsOn = (
  { enforcer }: Pick<RegistryDeps, 'enforcer'>,
  ctx: Context,
  rule: Rule,
  projectId: string,
): boolean => enforcer.allows(ctx, rule, { project_id: projectId });
