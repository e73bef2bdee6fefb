import { NotFound } from '../../common/errors.ts';
import type { Route } from '../../common/http/route.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import type { Call } from './call.ts';
import type { Caller } from './callers.ts';

/** What a route's rule makes of a caller, before anything is looked up. */
export type Verdict = 'needs a token' | 'is forbidden' | 'finds nothing' | 'may ask';

export async function verdictOn(
  enforcer: Enforcer,
  { rule, target, bodyTarget }: Route,
  { ctx }: Caller,
  { params = {}, query = {}, body }: Call,
): Promise<Verdict> {
  if ('anonymous' in rule) return 'may ask';
  if (ctx === null) return 'needs a token';
  const about = await Promise.resolve(target?.(params, ctx, query)).catch((error) => {
    if (error instanceof NotFound) return 'nothing' as const;
    throw error;
  });
  if (about === 'nothing') return 'finds nothing';
  if (!enforcer.allows(ctx, rule, about)) return 'is forbidden';
  if (bodyTarget && !enforcer.allows(ctx, rule, await bodyTarget(body as never, ctx, params))) return 'is forbidden';
  return 'may ask';
}

/**
 * Somebody whose rights reach what is in the call: an administrator where the rule knows them, others in the owner's project
 * where the rule is about projects. Everybody else who may ask is a stranger, to whom nothing of the owner's exists.
 */
export function isPrivy({ rule, target }: Route, { ctx }: Caller, owner: Caller): boolean {
  if (ctx === null || 'anonymous' in rule) return false;
  if (target && rule.scopes.includes('unscoped')) return true; // the rule has seen whose it is
  if (ctx.isAdmin && rule.check !== '@') return true;
  const isAboutProjects = !rule.scopes.includes('unscoped'); // what needs no scope belongs to users
  return isAboutProjects && ctx.projectId === owner.ctx?.projectId;
}
