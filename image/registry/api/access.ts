/** Who asks for what below `/v2/`, and whether they may: judged anew for each request, whatever their token says. */
import type { Request } from '@hapi/hapi';
import { Unauthorized } from '../../../common/errors.ts';
import type { Rule } from '../../../common/policy/rules.ts';
import { rememberAccessRules } from '../../../identity/application-credentials/remembered.ts';
import { findRepository, type Repository } from '../content/repositories.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { type FullName, parseName } from '../names.ts';
import { registryPolicy } from '../policy.ts';
import { accessRulesAllow, allowsOn, contextNow } from '../tokens/judge.ts';
import { type Action, type Grant, verifyRegistryToken } from '../tokens/registry-token.ts';

/** Not, or not enough: the answer says which token would do. */
export class ChallengeError extends Error {
  readonly scope: string | undefined;
  readonly reason: 'insufficient_scope' | 'invalid_token' | undefined;
  constructor(scope?: string, reason?: ChallengeError['reason']) {
    super('Log in to the registry, with rights for this.');
    this.scope = scope;
    this.reason = reason;
  }
}

/** What somebody was let through to. */
export interface Allowed {
  name: FullName;
  projectId: string;
  /** Undefined until something is pushed. */
  repository: Repository | undefined;
  /** They may have what was deactivated. */
  isAdmin: boolean;
}

export interface AccessOptions {
  /** Where it is not that of the action. */
  rule?: Rule;
  /** As what access rules are to see it, where that is not the request itself. */
  as?: { method: string; path: string };
}

export interface Access {
  /** Throws `ChallengeError` unless whoever sent the request may do `action` there. */
  to(request: Request, name: string, action: Action, options?: AccessOptions): Promise<Allowed>;
  /** The same without a throw, for what is merely better with it. */
  allows(request: Request, name: string, action: Action, options?: AccessOptions): Promise<Allowed | undefined>;
  /** Projects whose repositories they may list. */
  listed(request: Request): Promise<string[]>;
  /** Throws `ChallengeError` for whoever has no token of the registry. */
  check(request: Request): Promise<void>;
}

const defaultRules: Record<Action, Rule> = {
  pull: registryPolicy['registry:repository:pull'],
  push: registryPolicy['registry:repository:push'],
  delete: registryPolicy['registry:artifact:delete'],
};

export function registryAccess(deps: RegistryDeps): Access {
  const accessRulesOf = rememberAccessRules(deps.db);

  const grantsIn = async (request: Request, scope?: string): Promise<Grant[]> => {
    const [, text] = /^bearer +(\S+)$/i.exec(String(request.headers.authorization ?? '')) ?? [];
    if (text === undefined) throw new ChallengeError(scope);
    return await verifyRegistryToken(text, deps.tokens.keys).catch((error) => {
      throw error instanceof Unauthorized ? new ChallengeError(scope, 'invalid_token') : error;
    });
  };
  /** The grant's rights as they are now; undefined where they have ended, or do not reach to such a request. */
  const contextOfGrant = async ({ rights }: Grant, asked: { method: string; path: string }) => {
    const ctx = await contextNow(deps, rights, '', accessRulesOf);
    return ctx && accessRulesAllow(ctx, asked.method, asked.path) ? ctx : undefined;
  };

  const access: Access = {
    async to(request, text, action, { rule = defaultRules[action], as = asked(request) } = {}) {
      const name = parseName(text);
      if (name === undefined)
        throw new OciError('NAME_INVALID', 'A repository is named PROJECT/NAME, in small letters, digits and . _ - /.');
      // What pushes asks for both, as docker does: it looks what is there already.
      const scope = `repository:${text}:${action === 'push' ? 'pull,push' : action}`;
      for (const grant of await grantsIn(request, scope)) {
        const found = grant.repositories.find((one) => one.name === text && one.actions.includes(action));
        const ctx = found && (await contextOfGrant(grant, as));
        if (!found || !ctx || !allowsOn(deps, ctx, rule, found.projectId)) continue;
        const { projectId } = found;
        return {
          name,
          projectId,
          repository: await findRepository(deps.db, projectId, name.name),
          isAdmin: ctx.isAdmin,
        };
      }
      throw new ChallengeError(scope, 'insufficient_scope');
    },
    async allows(request, name, action, options) {
      return await access.to(request, name, action, options).catch((error) => {
        if (error instanceof ChallengeError || error instanceof OciError) return undefined;
        throw error;
      });
    },
    async listed(request) {
      const scope = 'registry:catalog:*';
      for (const grant of await grantsIn(request, scope)) {
        const ctx = grant.catalog ? await contextOfGrant(grant, asked(request)) : undefined;
        if (!ctx?.projectId) continue;
        if (allowsOn(deps, ctx, registryPolicy['registry:repository:list'], ctx.projectId)) return [ctx.projectId];
      }
      throw new ChallengeError(scope, 'insufficient_scope');
    },
    async check(request) {
      // It tells nothing else, so that access rules need not name it.
      for (const { rights } of await grantsIn(request)) if (await contextNow(deps, rights, '', accessRulesOf)) return;
      throw new ChallengeError(undefined, 'invalid_token');
    },
  };
  return access;
}

/** The path as it was understood: written otherwise (`%2F`), it would be one thing to access rules and another to us. */
const asked = ({ method, params }: Request) => ({ method, path: `/v2/${params.path ?? ''}` });

/** `WWW-Authenticate` of the token protocol: where to get a token, and for what. */
export function challengeOf({ publicUrl }: Pick<RegistryDeps, 'publicUrl'>, { scope, reason }: ChallengeError): string {
  const fields = {
    realm: `${publicUrl}/registry/token`,
    service: serviceName(publicUrl),
    ...(scope !== undefined && { scope }),
    ...(reason !== undefined && { error: reason }),
  };
  return `Bearer ${Object.entries(fields)
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '')}"`)
    .join(',')}`;
}

const serviceName = (publicUrl: string): string => (URL.canParse(publicUrl) ? new URL(publicUrl).host : 'registry');
