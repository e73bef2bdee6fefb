import { type Static, Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { findForLogIn } from '../application-credentials/store.ts';
import type { IdentityDeps } from '../deps.ts';
import { type Answer, explain, type HeldRole, type Question, type Subject } from '../explain/explain.ts';
import type { Origin } from '../explain/origins.ts';
import type { TokenScope } from '../tokens/token.ts';
import { reference } from './fields.ts';
import { cloudReadersAndOwner } from './personas.ts';

const closed = { additionalProperties: false };
const identified = Type.Object({ id: reference }, closed);
const attribute = Type.Union([Type.String({ maxLength: 255 }), Type.Number(), Type.Boolean(), Type.Null()]);

const Explain = Type.Object(
  {
    explain: Type.Object(
      {
        rule: Type.String({ minLength: 1, maxLength: 255, description: 'Name of a policy rule' }),
        user: Type.Optional(identified),
        application_credential: Type.Optional(identified),
        scope: Type.Optional(
          Type.Union([
            Type.Object({ project: identified }, closed),
            Type.Object({ domain: identified }, closed),
            Type.Object({ system: Type.Object({ all: Type.Literal(true) }, closed) }, closed),
            Type.Object({ unscoped: Type.Object({}, closed) }, closed),
          ]),
        ),
        target: Type.Optional(
          Type.Record(Type.String({ minLength: 1, maxLength: 255 }), attribute, {
            maxProperties: 64,
            description: 'What the request would be about, by the names in check strings; absent: what is theirs',
          }),
        ),
      },
      closed,
    ),
  },
  closed,
);

type Body = Static<typeof Explain>;

export const explainPolicy = definePolicy({
  'identity:explain': cloudReadersAndOwner(
    'target.user.id',
    'Explain whether and why a user may do something; everybody may ask about themselves',
  ),
});

/**
 * Null for the token that asks: who names nothing else asks about that. Throws `NotFound` for an application credential,
 * `BadRequest` for one together with what it has of its own.
 */
async function subjectOf({ db }: IdentityDeps, { explain }: Body, ctx: Context): Promise<Subject | null> {
  const { user, scope, application_credential: asked } = explain;
  if (asked === undefined) {
    if (user === undefined && scope === undefined) return null;
    return { userId: user?.id ?? ctx.userId, scope: scopeOf(scope), credential: null };
  }
  if (user !== undefined || scope !== undefined)
    throw new BadRequest('An application credential has a user and a project of its own; give neither besides.');
  const credential = await findForLogIn(db, { id: asked.id });
  if (credential === undefined) throw new NotFound('application credential', asked.id);
  return { userId: credential.userId, scope: { type: 'project', id: credential.projectId }, credential };
}

/** What is not there is nobody's: administrators are told so, others are refused as for anybody else's. */
function absentIsNobodys(error: Error): undefined {
  if (error instanceof NotFound) return undefined;
  throw error;
}

function scopeOf(scope: Body['explain']['scope']): TokenScope {
  if (scope === undefined || 'unscoped' in scope) return { type: 'unscoped' };
  if ('project' in scope) return { type: 'project', id: scope.project.id };
  return 'domain' in scope ? { type: 'domain', id: scope.domain.id } : { type: 'system' };
}

export const explainRoutes = (deps: IdentityDeps) => [
  route({
    method: 'POST',
    path: '/v3/explain',
    rule: explainPolicy['identity:explain'],
    summary: 'Explain why somebody may do something, or not',
    target: (_, { userId }) => ({ 'target.user.id': userId }),
    async bodyTarget(body, ctx) {
      const subject = await subjectOf(deps, body, ctx).catch(absentIsNobodys);
      // A credential that was handed on is not told what else its giver may do.
      if (subject === undefined || (subject !== null && ctx.delegation !== null)) return {};
      return { 'target.user.id': subject?.userId ?? ctx.userId };
    },
    body: Explain,
    status: 200,
    async handler({ ctx, body }) {
      const { rule, target } = body.explain;
      const question: Question = { rule, subject: await subjectOf(deps, body, ctx), ...(target && { target }) };
      return { explanation: explanationView(await explain(deps, ctx, question)) };
    },
  }),
];

function explanationView({ rule, check, user, scope, noToken, roles, credential, verdict }: Answer) {
  const allowed = verdict.allowed && noToken === null;
  return {
    allowed,
    summary: `${rule.name} is ${allowed ? 'allowed' : 'not allowed'}: ${noToken ?? verdict.because}.`,
    rule: {
      name: rule.name,
      description: rule.description,
      check,
      default_check: rule.check,
      scopes: rule.scopes,
    },
    user: { id: user.id, name: user.name, domain: user.domain },
    scope: scopeView(scope),
    scope_held: verdict.scope.allowed.includes(verdict.scope.held),
    token_obtainable: noToken === null,
    application_credential: credential && credentialView(credential),
    roles: roles.map(roleView),
    target: verdict.target,
    check: verdict.check,
  };
}

function scopeView(scope: TokenScope) {
  if (scope.type === 'system') return { system: { all: true } };
  return scope.type === 'unscoped' ? { unscoped: {} } : { [scope.type]: { id: scope.id } };
}

function credentialView({ id, name, unrestricted, accessRules, withheldRoles }: NonNullable<Answer['credential']>) {
  return { id, name, unrestricted, access_rules: accessRules, withheld_roles: withheldRoles };
}

function roleView({ id, name, origins }: HeldRole) {
  return { id, name, from: origins.map(originView) };
}

function originView({ role, group, inheritedFrom, implies }: Origin) {
  return {
    role,
    group,
    inherited_from: inheritedFrom && { [inheritedFrom.type]: { id: inheritedFrom.id, name: inheritedFrom.name } },
    implied_by: implies.slice(0, -1),
  };
}
