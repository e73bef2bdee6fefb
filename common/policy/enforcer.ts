import { readFile } from 'node:fs/promises';
import type { Context } from '../context.ts';
import { BadRequest, Forbidden } from '../errors.ts';
import { type Check, type Credentials, parseCheck, type Target } from './check-string.ts';
import type { Rule, Scope } from './rules.ts';

export interface Enforcer {
  /** Throws `Forbidden`, naming the rule, unless the caller may. */
  authorize(ctx: Context, rule: Rule, target?: Target): void;
  allows(ctx: Context, rule: Rule, target?: Target): boolean;
  /** The check string in force for a rule. */
  effective(rule: Rule): string;
}

/** The one authoriser. `overrides` replaces defaults by rule name; a name no rule has is refused, so that typos are seen. */
export function createEnforcer(rules: readonly Rule[], overrides: Readonly<Record<string, string>> = {}): Enforcer {
  const strings = new Map(rules.map((rule) => [rule.name, rule.check]));
  for (const [name, check] of Object.entries(overrides)) {
    if (!strings.has(name)) throw new BadRequest(`The policy file names a rule that does not exist: ${name}`);
    strings.set(name, check);
  }
  const checks = new Map([...strings].map(([name, text]) => [name, parseCheck(text)]));
  const denied: Check = () => false;
  const byName = (name: string): Check => checks.get(name) ?? denied;

  const allows = (ctx: Context, rule: Rule, target: Target = defaultTarget(ctx)): boolean =>
    rule.scopes.includes(scopeOf(ctx)) && byName(rule.name)(credentialsOf(ctx), target, byName);
  return {
    allows,
    authorize(ctx, rule, target = defaultTarget(ctx)) {
      if (allows(ctx, rule, target)) return;
      const why = rule.scopes.includes(scopeOf(ctx))
        ? `it requires ${strings.get(rule.name)}`
        : `it requires a token scoped to ${rule.scopes.join(' or ')}`;
      throw new Forbidden(`Policy doesn't allow ${rule.name} to be performed: ${why}.`);
    },
    effective: (rule) => strings.get(rule.name) ?? '!',
  };
}

/** Reads an operator's overrides: a JSON object of rule name to check string. */
export async function readPolicyFile(path: string): Promise<Record<string, string>> {
  const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (typeof parsed !== 'object' || parsed === null || Object.values(parsed).some((v) => typeof v !== 'string'))
    throw new BadRequest(`${path} must be a JSON object of rule names to check strings.`);
  return parsed as Record<string, string>;
}

/** Routes are about the caller's own things unless they say otherwise; other owners' rows are out of a query's reach anyway. */
function defaultTarget(ctx: Context): Target {
  return { project_id: ctx.projectId, user_id: ctx.userId, domain_id: ctx.domainId };
}

function scopeOf(ctx: Context): Scope {
  if (ctx.projectId !== null) return 'project';
  if (ctx.domainId !== null) return 'domain';
  return ctx.system ? 'system' : 'unscoped';
}

function credentialsOf(ctx: Context): Credentials {
  return {
    roles: ctx.roles,
    attributes: {
      user_id: ctx.userId,
      project_id: ctx.projectId,
      domain_id: ctx.domainId,
      system_scope: ctx.system ? 'all' : null,
      is_admin: ctx.isAdmin ? 'True' : 'False',
    },
  };
}
