import type { ResponseToolkit } from '@hapi/hapi';
import type { Context } from '../../common/context.ts';
import { BadRequest, NotFound, Unauthorized } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { isoMicrosZ } from '../../common/http/time.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type KnownSecrets, rememberSecrets } from '../application-credentials/secret.ts';
import { type Catalog, catalogOf } from '../catalog/catalog.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { proveOauth1 } from '../oauth1/access-tokens.ts';
import { checkReceipt, checkToken } from '../tokens/check.ts';
import { refused } from '../tokens/deps.ts';
import { proveApplicationCredential } from '../tokens/methods/application-credential.ts';
import { provePassword } from '../tokens/methods/password.ts';
import type { Proof } from '../tokens/methods/proof.ts';
import { proveToken } from '../tokens/methods/token.ts';
import { proveTotp } from '../tokens/methods/totp.ts';
import { checkHoldsStill, type IssuedToken, issueToken, MoreMethodsNeeded } from '../tokens/operations.ts';
import { revoke } from '../tokens/revocations.ts';
import type { Token } from '../tokens/token.ts';
import { digestOf } from '../tokens/verified.ts';
import { issueTrusted } from '../trusts/log-in.ts';
import { type Asked, Authenticate, unpackAuthentication } from './authenticate-body.ts';
import { serviceProvidersInToken } from './federation-service-providers.ts';
import { signedRequest } from './oauth1-tokens.ts';
import { type DelegationNames, namesOf, readNames, tokenView } from './token-view.ts';

const subjectAttribute = 'target.token.user_id';
const subjectReaders = (description: string) =>
  ({
    check: `is_admin:True or (role:reader and system_scope:all) or role:service or user_id:%(${subjectAttribute})s`,
    scopes: anyScope,
    description,
  }) as const;

export const authPolicy = definePolicy({
  'identity:validate_token': subjectReaders('Show what a token says; everybody may show their own'),
  'identity:check_token': subjectReaders('Check a token; everybody may check their own'),
  'identity:revoke_token': {
    check: `is_admin:True or user_id:%(${subjectAttribute})s`,
    scopes: anyScope,
    description: 'End a token before its time; everybody may end their own',
  },
  'identity:get_auth_catalog': { check: '@', scopes: ['project'], description: 'Show the catalog of the own token' },
});

/** Whose token it is only the header tells, and is asked behind the route: first as if it were the caller's own. */
const ownSubject = (_params: unknown, ctx: Context) => ({ [subjectAttribute]: ctx.userId });

const header = (headers: Record<string, unknown>, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

export const authRoutes = (deps: IdentityDeps) => {
  const secrets = rememberSecrets();
  /** Keystone answers 404 for a subject that is no token: 401 would say that the caller's own is not one. */
  const subject = async (headers: Record<string, unknown>, query: Record<string, unknown>) => {
    const text = header(headers, 'x-subject-token');
    if (text === undefined) throw new BadRequest('Expecting to find X-Subject-Token in the headers.');
    try {
      const token = await checkToken(deps, text, { allowExpired: query.allow_expired === '1' });
      if (token.expiresAt.getTime() < Date.now()) await checkHoldsStill(deps, token);
      return { text, token };
    } catch (error) {
      throw error instanceof Unauthorized ? new NotFound('token', '(not shown)', { cause: error }) : error;
    }
  };
  const show = (text: string, token: Token, query: Record<string, unknown>) => {
    const withCatalog = !('nocatalog' in query);
    return deps.memory.recall(`token ${withCatalog} ${digestOf(text)}`, async () => {
      const names = await readNames(deps.db, token);
      return JSON.stringify({
        token: {
          ...tokenView(token, names, withCatalog ? await catalogForToken(deps, token) : undefined),
          ...(await serviceProvidersInToken(deps)),
        },
      });
    });
  };
  return [
    route({
      method: 'POST',
      path: '/v3/auth/tokens',
      rule: { anonymous: 'this is how one gets a token' },
      summary: 'Authenticate',
      body: Authenticate,
      status: 201,
      async handler({ body, query, request }, h) {
        const asked = { ...unpackAuthentication(body.auth), signed: signedRequest(deps, request) };
        const receiptText = header(request.headers, 'openstack-auth-receipt');
        const address = deps.sourceOf(request);
        try {
          const issued = await authenticate(deps, secrets, asked, receiptText, address);
          return answerToken(deps, h, issued, query);
        } catch (error) {
          if (error instanceof MoreMethodsNeeded) return answerReceipt(h, error);
          throw error;
        }
      },
    }),
    route({
      method: 'GET',
      path: '/v3/auth/tokens',
      rule: authPolicy['identity:validate_token'],
      summary: 'Validate and show a token (HEAD: check it)',
      target: ownSubject,
      status: 200,
      async handler({ ctx, query, request }, h) {
        const { text, token } = await subject(request.headers, query);
        deps.enforcer.authorize(ctx, authPolicy['identity:validate_token'], { [subjectAttribute]: token.userId });
        const shown = await show(text, token, query);
        return h.response(shown).type('application/json').header('x-subject-token', text);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/auth/tokens',
      rule: authPolicy['identity:revoke_token'],
      summary: 'Revoke a token and all that it was exchanged for',
      target: ownSubject,
      status: 204,
      async handler({ ctx, request, query }, h) {
        const { token } = await subject(request.headers, query);
        deps.enforcer.authorize(ctx, authPolicy['identity:revoke_token'], { [subjectAttribute]: token.userId });
        await revoke(deps.db, `audit:${token.auditIds[0]}`, deps.tokenSeconds);
        await deps.revocations.refresh();
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/auth/catalog',
      rule: authPolicy['identity:get_auth_catalog'],
      summary: 'Show the catalog',
      status: 200,
      handler: async ({ ctx: { userId, projectId } }) => ({
        catalog: await catalogOf(deps, { userId, projectId }),
        links: { self: `${identityUrl(deps)}/auth/catalog` },
      }),
    }),
  ];
};

/** A token without a scope is good for nothing in the catalog, and has none. */
export async function catalogForToken(deps: IdentityDeps, { scope, userId }: Token): Promise<Catalog | undefined> {
  if (scope.type === 'unscoped') return undefined;
  return catalogOf(deps, { userId, projectId: scope.type === 'project' ? scope.id : null });
}

/** Tries every method that was given, then makes the token. */
async function authenticate(
  deps: IdentityDeps,
  secrets: KnownSecrets,
  asked: Asked,
  receiptText: string | undefined,
  address: string,
): Promise<IssuedToken & { names?: DelegationNames }> {
  const receipt = receiptText === undefined ? undefined : await checkReceipt(deps, receiptText);
  const proofs: Proof[] = asked.isOauth1 ? [await proveOauth1(deps, asked.signed)] : [];
  if (asked.token !== undefined) proofs.push(await proveToken(deps, asked.token));
  if (asked.password) proofs.push(await provePassword(deps, asked.password, address));
  // Last: it uses the passcode up.
  if (asked.totp) proofs.push(await proveTotp(deps, asked.totp, address));
  if (asked.applicationCredential) {
    if (asked.isScopeNamed) throw new Unauthorized('Application credentials cannot request a scope.');
    const { proof, names } = await proveApplicationCredential(deps, secrets, asked.applicationCredential, address);
    return { ...(await issueToken(deps, { proofs: [...proofs, proof], scope: asked.scope })), names };
  }
  if (proofs.length === 0) throw refused('no method');
  const given = { proofs, ...(receipt && { receipt }) };
  if (asked.trustId !== undefined) return issueTrusted(deps, given, asked.trustId);
  return issueToken(deps, { ...given, scope: asked.scope });
}

async function answerToken(
  deps: IdentityDeps,
  h: ResponseToolkit,
  { text, token, access, names: delegationNames = {} }: IssuedToken & { names?: DelegationNames },
  query: Record<string, unknown>,
) {
  const names = namesOf(access, token.delegation && delegationNames);
  const view = {
    ...tokenView(token, names, 'nocatalog' in query ? undefined : await catalogForToken(deps, token)),
    ...(await serviceProvidersInToken(deps)),
  };
  return h.response({ token: view }).code(201).header('x-subject-token', text).header('vary', 'X-Auth-Token');
}

/** As keystone asks for the other methods: 401 with a receipt, what it is about, and which combinations would do. */
function answerReceipt(h: ResponseToolkit, { receipt: { text, receipt }, access, required }: MoreMethodsNeeded) {
  const { id, name, domain } = access.user;
  return h
    .response({
      receipt: {
        methods: receipt.methods,
        user: { id, name, domain },
        issued_at: isoMicrosZ(receipt.issuedAt),
        expires_at: isoMicrosZ(receipt.expiresAt),
      },
      required_auth_methods: required,
    })
    .code(401)
    .header('openstack-auth-receipt', text);
}
