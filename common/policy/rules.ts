/** A scope a token can have; `unscoped` tokens know their user and nothing else. */
export type Scope = 'project' | 'domain' | 'system' | 'unscoped';

export const anyScope = ['project', 'domain', 'system', 'unscoped'] as const satisfies readonly Scope[];

/** One named permission. `S` narrows what a handler behind it can rely on: a project-only rule gives it a project. */
export interface Rule<S extends Scope = Scope> {
  readonly name: string;
  /** The default, as a check string; an operator's policy file can replace it. */
  readonly check: string;
  readonly scopes: readonly S[];
  readonly description: string;
}

/** A route that answers without a token, and why that is right. */
export interface Anonymous {
  readonly anonymous: string;
}

type RuleBody<S extends Scope> = Omit<Rule<S>, 'name'>;

/** Gives each rule its OpenStack name. */
export function definePolicy<const T extends Record<string, RuleBody<Scope>>>(
  rules: T,
): { [K in keyof T]: T[K] extends RuleBody<infer S> ? Rule<S> : never } {
  const named = Object.entries(rules).map(([name, body]) => [name, { name, ...body }]);
  return Object.fromEntries(named);
}

const project = ['project'] as const;

/** The personas most rules are made of (the base rules they name are in base-rules.ts), as nova, neutron and glance define them since "consistent and secure RBAC". */
export const projectReader = (description: string) =>
  ({ check: 'rule:project_reader_or_admin', scopes: project, description }) as const;
export const projectMember = (description: string) =>
  ({ check: 'rule:project_member_or_admin', scopes: project, description }) as const;
export const projectAdmin = (description: string) =>
  ({ check: 'rule:context_is_admin', scopes: project, description }) as const;
/** Administrators of the cloud. One of a domain is not: what they may do is for rules that look at the domain. */
export const admin = (description: string) =>
  ({ check: 'rule:admin_required', scopes: ['project', 'system'], description }) as const;
/** Whoever has a valid token. */
export const authenticated = (description: string) => ({ check: '@', scopes: anyScope, description }) as const;
