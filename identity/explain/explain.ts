import type { Context } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { Target } from '../../common/policy/check-string.ts';
import type { Enforcer, Verdict } from '../../common/policy/enforcer.ts';
import type { Caller } from '../../common/policy/requirement.ts';
import type { Rule } from '../../common/policy/rules.ts';
import type { KnownApplicationCredential } from '../application-credentials/store.ts';
import type { IdentityDeps } from '../deps.ts';
import { type Access, type Owned, readAccess } from '../tokens/access.ts';
import type { TokenScope } from '../tokens/token.ts';
import { type Named, type Origin, originsOf } from './origins.ts';

/** What somebody wants explained: a rule, for the token that they ask with, or for a token that somebody could get. */
export interface Question {
  rule: string;
  /** Null: the token that asks. */
  subject: Subject | null;
  target?: Target;
}

export interface Subject {
  userId: string;
  scope: TokenScope;
  /** Null: the user's own login. */
  credential: Credential | null;
}

/** The application credential that somebody would log in with. */
export type Credential = Pick<
  KnownApplicationCredential,
  'id' | 'name' | 'roleIds' | 'accessRules' | 'unrestricted' | 'isExpired'
>;

export interface HeldRole extends Named {
  /** Empty for a role that the login itself brought, by the mapping of an identity provider. */
  origins: Origin[];
}

export interface Answer {
  rule: Rule;
  check: string;
  user: Owned;
  scope: TokenScope;
  /** Why no such token can be had; null when one can. Without one nothing is allowed. */
  noToken: string | null;
  roles: HeldRole[];
  /** Null: none was asked about. */
  credential: (Credential & { withheldRoles: Named[] }) | null;
  verdict: Verdict;
}

type ExplainDeps = Pick<IdentityDeps, 'db' | 'enforcer'>;

/** Throws `BadRequest` for a rule that does not exist, `NotFound` for the user. Who may ask has been decided before. */
export async function explain(deps: ExplainDeps, ctx: Context, question: Question): Promise<Answer> {
  const rule = ruleNamed(deps.enforcer, question.rule);
  const found = question.subject ? await aboutSubject(deps, question.subject) : await aboutToken(deps, ctx);
  const caller = callerOf(found.user, found.scope, found.roles);
  const verdict = deps.enforcer.explain(caller, rule, question.target);
  return { ...found, rule, check: deps.enforcer.effective(rule), verdict };
}

function ruleNamed(enforcer: Enforcer, name: string): Rule {
  const rule = enforcer.find(name);
  if (rule === undefined) throw new BadRequest(`There is no policy rule ${name}.`);
  return rule;
}

type Found = Omit<Answer, 'rule' | 'check' | 'verdict'>;

/** The token that asks carries its roles; where those come from is looked up, for whoever's roles they are. */
async function aboutToken({ db }: ExplainDeps, ctx: Context): Promise<Found> {
  const scope = scopeOf(ctx);
  const holderId = (ctx.delegation?.type === 'trust' && ctx.delegation.agentIds[0]) || ctx.userId;
  const access = await readAccess(db, { userId: ctx.userId, scope: { type: 'unscoped' } });
  if (access === undefined) throw new NotFound('user', ctx.userId);
  const origins = await originsOf(db, holderId, scope);
  const named = new Map([...origins].map(([id, ways]) => [heldName(ways), { id, ways }]));
  const roles = ctx.roles.map((name) => {
    const { id = '', ways = [] } = named.get(name) ?? {};
    return { id, name, origins: ways };
  });
  return { user: access.user, scope, noToken: null, roles, credential: null };
}

/** What a token would carry is read as it is when one is issued. */
async function aboutSubject({ db }: ExplainDeps, { userId, scope, credential }: Subject): Promise<Found> {
  const access = await readAccess(db, { userId, scope, ...(credential && { onlyRoleIds: credential.roleIds }) });
  if (access === undefined) throw new NotFound('user', userId);
  const origins = await originsOf(db, userId, scope);
  const roles = access.roles.map((role) => ({ ...role, origins: origins.get(role.id) ?? [] }));
  return {
    user: access.user,
    scope,
    noToken: credential?.isExpired
      ? 'the application credential has expired'
      : reasonForNone(access, scope, origins.size > 0, credential),
    roles,
    credential: credential && { ...credential, withheldRoles: await withheldFrom(db, access, { userId, scope }) },
  };
}

/** What the user holds where the credential is for, and the credential does not carry. */
async function withheldFrom(
  db: ExplainDeps['db'],
  { roles }: Access,
  { userId, scope }: Pick<Subject, 'userId' | 'scope'>,
): Promise<Named[]> {
  const own = await readAccess(db, { userId, scope });
  return own?.roles.filter(({ id }) => !roles.some((role) => role.id === id)) ?? [];
}

function reasonForNone(
  { user, roles }: Access,
  scope: TokenScope,
  isGivenSomething: boolean,
  credential: Credential | null,
): string | null {
  if (!user.enabled) return 'the user or their domain is disabled';
  if (scope.type === 'unscoped' || roles.length > 0) return null;
  if (isGivenSomething && credential)
    return 'the project is disabled, or the user has none of the credential’s roles there any more';
  // Whether there is such a project is nobody's business who has no role on it.
  return isGivenSomething && 'id' in scope
    ? `the ${scope.type} is disabled, or only roles of a domain are given on it`
    : `the user has no role on ${scope.type === 'system' ? 'the system' : `that ${scope.type}`}`;
}

function callerOf(user: Owned, scope: TokenScope, roles: readonly Named[]): Caller {
  const names = roles.map((role) => role.name);
  return {
    userId: user.id,
    userDomainId: user.domain.id,
    projectId: scope.type === 'project' ? scope.id : null,
    domainId: scope.type === 'domain' ? scope.id : null,
    system: scope.type === 'system',
    roles: names,
    isAdmin: names.includes('admin') && scope.type !== 'domain',
  };
}

function scopeOf({ projectId, domainId, system }: Context): TokenScope {
  if (projectId !== null) return { type: 'project', id: projectId };
  if (domainId !== null) return { type: 'domain', id: domainId };
  return { type: system ? 'system' : 'unscoped' };
}

function heldName(origins: readonly Origin[]): string {
  return origins[0]?.implies.at(-1)?.name ?? '';
}
