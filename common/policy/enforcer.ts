import type { Context } from '../context.ts';
import { Forbidden } from '../errors.ts';
import type { Target } from './check-string.ts';
import type { Credentials } from './evaluate.ts';
import { type Explanation, explainCheck, groundsOf } from './explanation.ts';
import { compilePolicy, type Overrides, type Policy } from './policy.ts';
import { type Caller, possessionOf, requirementOf } from './requirement.ts';
import type { Rule, Scope } from './rules.ts';

/** Whether somebody may, and all that decides it. */
export interface Verdict {
  readonly allowed: boolean;
  /** The rule's scopes are the program's and no file changes them: a token of another scope is refused whatever its roles. */
  readonly scope: { readonly held: Scope; readonly allowed: readonly Scope[] };
  readonly check: Explanation;
  /** What it was asked about. */
  readonly target: Target;
  /** In words: what let them, or what the rule requires and they have not. */
  readonly because: string;
}

export interface Enforcer {
  /** Throws `Forbidden`, naming the rule and what it requires, unless the caller may. */
  authorize(ctx: Context, rule: Rule, target?: Target): void;
  allows(ctx: Caller, rule: Rule, target?: Target): boolean;
  /** Whether a rule holds for somebody by its name alone, whatever scope it is for; not so when there is none. */
  holds(ctx: Caller, name: string): boolean;
  /** Why, or why not. The target's values are in it. */
  explain(ctx: Caller, rule: Rule, target?: Target): Verdict;
  /** The check string in force for a rule. */
  effective(rule: Rule): string;
  /** An operation's rule by its name. */
  find(name: string): Rule | undefined;
  /**
   * Puts other overrides in force, from the next request on, and names the rules that changed by it. Throws `BadRequest`, and
   * changes nothing, when they are not valid.
   */
  replace(overrides: Overrides): string[];
}

/**
 * The one authoriser. What no rule is registered for is denied. `isUsedElsewhere`: names that overrides may have although no
 * rule refers to them. Throws `BadRequest` for overrides that are not valid.
 */
export function createEnforcer(
  rules: readonly Rule[],
  overrides: Overrides = {},
  isUsedElsewhere?: (name: string) => boolean,
): Enforcer {
  let policy: Policy = compilePolicy(rules, overrides, isUsedElsewhere);

  const allows = (ctx: Caller, rule: Rule, target: Target = defaultTarget(ctx)): boolean => {
    const entry = policy.get(rule.name);
    if (!entry?.rule) return false;
    return entry.rule.scopes.includes(scopeOf(ctx)) && entry.check(credentialsOf(ctx), target);
  };
  return {
    allows,
    authorize(ctx, rule, target) {
      if (allows(ctx, rule, target)) return;
      throw new Forbidden(`Policy doesn't allow ${rule.name} to be performed: ${refusal(policy, ctx, rule)}.`);
    },
    holds: (ctx, name) => policy.get(name)?.check(credentialsOf(ctx), defaultTarget(ctx)) ?? false,
    explain(ctx, rule, target = defaultTarget(ctx)) {
      const entry = policy.get(rule.name);
      const expression = entry?.rule ? entry.expression : ({ kind: 'never' } as const);
      const allowed = allows(ctx, rule, target);
      const check = explainCheck(policy, expression, credentialsOf(ctx), target);
      return {
        allowed,
        scope: { held: scopeOf(ctx), allowed: rule.scopes },
        check,
        target,
        because: allowed ? groundsOf(check) : refusal(policy, ctx, rule, false),
      };
    },
    effective: (rule) => policy.get(rule.name)?.text ?? '!',
    find: (name) => policy.get(name)?.rule ?? undefined,
    replace(next) {
      const before = policy;
      policy = compilePolicy(rules, next, isUsedElsewhere);
      const names = new Set([...before.keys(), ...policy.keys()]);
      return [...names].filter((name) => before.get(name)?.text !== policy.get(name)?.text);
    },
  };
}

/** Of the caller it says what they know; of what the request is about, nothing: it may be somebody else's, or nowhere. */
function refusal(policy: Policy, ctx: Caller, rule: Rule, isToldToThem = true): string {
  const entry = policy.get(rule.name);
  if (!entry?.rule) return 'no such rule is registered';
  const scope = scopeOf(ctx);
  if (!entry.rule.scopes.includes(scope))
    return `it requires a token scoped to ${listed(entry.rule.scopes)} (${isToldToThem ? 'yours' : 'it'} is ${scope === 'unscoped' ? scope : `scoped to the ${scope}`})`;
  if (entry.expression.kind === 'never') return 'nobody may';
  return `it requires ${requirementOf(policy, entry.expression)} (${possessionOf(ctx, isToldToThem)})`;
}

function listed(scopes: readonly Scope[]): string {
  return scopes
    .map((scope) => (scope === 'unscoped' ? 'nothing' : `a ${scope}`.replace('a system', 'the system')))
    .join(' or ');
}

/** Routes are about the caller's own things unless they say otherwise; other owners' rows are out of a query's reach anyway. */
function defaultTarget(ctx: Caller): Target {
  return { project_id: ctx.projectId, user_id: ctx.userId, domain_id: ctx.domainId };
}

function scopeOf(ctx: Caller): Scope {
  if (ctx.projectId !== null) return 'project';
  if (ctx.domainId !== null) return 'domain';
  return ctx.system ? 'system' : 'unscoped';
}

function credentialsOf(ctx: Caller): Credentials {
  return {
    roles: ctx.roles,
    attributes: {
      user_id: ctx.userId,
      user_domain_id: ctx.userDomainId,
      project_id: ctx.projectId,
      domain_id: ctx.domainId,
      system_scope: ctx.system ? 'all' : null,
      is_admin: ctx.isAdmin ? 'True' : 'False',
      is_admin_project: 'True', // there is no project whose administrators are more than others
    },
  };
}
