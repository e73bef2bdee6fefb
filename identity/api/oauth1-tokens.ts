import type { Request, ResponseToolkit } from '@hapi/hapi';
import { Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { BadRequest, Forbidden, NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { isoMicrosZ } from '../../common/http/time.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import {
  type AccessToken,
  type AccessTokenRow,
  accessTokenFromRow,
  accessTokensQuery,
  deleteAccessToken,
  getAccessToken,
  rolesOf,
} from '../oauth1/access-tokens.ts';
import { authorizeRequest, exchangeRequest, type IssuedPair, requestToken } from '../oauth1/request-tokens.ts';
import { readSignedRequest, type SignedRequest } from '../oauth1/signature.ts';
import { isDelegated } from '../tokens/delegated.ts';
import { identityPage, listView, pageOf } from './listing.ts';
import { administrators } from './personas.ts';

const Authorize = Type.Object({
  roles: Type.Array(
    Type.Object({
      id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    }),
    { minItems: 1, maxItems: 64 },
  ),
});

export const accessTokenPolicy = definePolicy({
  'identity:authorize_request_token': {
    ...administrators('Let an OAuth1 consumer act for oneself in a project'),
    scopes: ['project'],
  },
  'identity:get_access_token': administrators('Show what a user allowed a consumer'),
  'identity:list_access_tokens': administrators('List what a user allowed consumers'),
  'identity:list_access_token_roles': administrators('List the roles that a user allowed a consumer'),
  'identity:get_access_token_role': administrators('Show a role that a user allowed a consumer'),
  'identity:delete_access_token': administrators('End what a user allowed a consumer'),
});

/** The request as whoever signed it may have named it. */
export function signedRequest(deps: IdentityDeps, { headers, method, url }: Request): SignedRequest | undefined {
  const reached = `http://${headers.host}${url.pathname}${url.search}`;
  const urls = [new URL(deps.publicUrl + url.pathname + url.search)];
  if (URL.canParse(reached)) urls.push(new URL(reached), new URL(reached.replace('http:', 'https:')));
  return readSignedRequest(headers.authorization, method, urls);
}

/** A form, as OAuth 1.0 answers. */
function answerPair(h: ResponseToolkit, { id, secret, expiresAt }: IssuedPair) {
  const form = new URLSearchParams({
    oauth_token: id,
    oauth_token_secret: secret.reveal(),
    oauth_expires_at: isoMicrosZ(expiresAt),
  });
  return h.response(form.toString()).type('application/x-www-form-urlencoded').code(201);
}

/** What was lent to somebody does not let them look at, or end, what the lender gave others. */
function refuseDelegated(ctx: Context): void {
  if (isDelegated(ctx)) throw new Forbidden('A token that was handed on cannot be used for access tokens.');
}

function view(deps: IdentityDeps, token: AccessToken) {
  const self = `${identityUrl(deps)}/users/${token.userId}/OS-OAUTH1/access_tokens/${token.id}`;
  return {
    id: token.id,
    consumer_id: token.consumerId,
    authorizing_user_id: token.userId,
    project_id: token.projectId,
    expires_at: isoMicrosZ(token.expiresAt),
    links: { self, roles: `${self}/roles` },
  };
}

const roleView = (deps: IdentityDeps, { id, name }: { id: string; name: string }) => ({
  id,
  name,
  links: { self: `${identityUrl(deps)}/roles/${id}` },
});

const list = '/v3/users/{user_id}/OS-OAUTH1/access_tokens';
const one = `${list}/{access_token_id}`;
const ofUser = (params: Record<string, string>) => ({ user_id: params.user_id ?? '' });

export const accessTokenRoutes = (deps: IdentityDeps) => [
  route({
    method: 'POST',
    path: '/v3/OS-OAUTH1/request_token',
    rule: { anonymous: 'the consumer’s signature says who asks' },
    summary: 'A consumer asks to act in a project',
    status: 201,
    async handler({ request }, h) {
      const projectId = request.headers['requested-project-id'];
      if (typeof projectId !== 'string' || projectId === '')
        throw new BadRequest('Expecting to find Requested-Project-Id in the headers.');
      return answerPair(h, await requestToken(deps, signedRequest(deps, request), projectId));
    },
  }),
  route({
    method: 'PUT',
    path: '/v3/OS-OAUTH1/authorize/{request_token_id}',
    rule: accessTokenPolicy['identity:authorize_request_token'],
    summary: 'Let a consumer act for oneself in the project it asked for',
    body: Authorize,
    status: 200,
    async handler({ ctx, params, body }) {
      const verifier = await authorizeRequest(deps, ctx, params.request_token_id ?? '', body.roles);
      return { token: { oauth_verifier: verifier.reveal() } };
    },
  }),
  route({
    method: 'POST',
    path: '/v3/OS-OAUTH1/access_token',
    rule: { anonymous: 'the consumer’s signature says who asks' },
    summary: 'A consumer exchanges what was authorized for an access token',
    status: 201,
    handler: async ({ request }, h) => answerPair(h, await exchangeRequest(deps, signedRequest(deps, request))),
  }),
  route({
    method: 'GET',
    path: list,
    rule: accessTokenPolicy['identity:list_access_tokens'],
    summary: 'List what a user allowed consumers',
    target: ofUser,
    status: 200,
    async handler({ ctx, params, query, request }) {
      refuseDelegated(ctx);
      const userId = params.user_id ?? '';
      const { rows, more } = await pageOf<AccessTokenRow>(accessTokensQuery(deps.db, userId), identityPage(query), []);
      const views = rows.map((row) => view(deps, accessTokenFromRow(row)));
      const path = `users/${userId}/OS-OAUTH1/access_tokens`;
      return listView(deps, 'access_tokens', views, { url: request.url, more, path });
    },
  }),
  route({
    method: 'GET',
    path: one,
    rule: accessTokenPolicy['identity:get_access_token'],
    summary: 'Show what a user allowed a consumer',
    target: ofUser,
    status: 200,
    async handler({ ctx, params }) {
      refuseDelegated(ctx);
      return { access_token: view(deps, await asked(deps, params)) };
    },
  }),
  route({
    method: 'DELETE',
    path: one,
    rule: accessTokenPolicy['identity:delete_access_token'],
    summary: 'End what a user allowed a consumer',
    target: ofUser,
    status: 204,
    async handler({ ctx, params }, h) {
      refuseDelegated(ctx);
      await deleteAccessToken(deps, params.user_id ?? '', params.access_token_id ?? '');
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: `${one}/roles`,
    rule: accessTokenPolicy['identity:list_access_token_roles'],
    summary: 'List the roles that a user allowed a consumer',
    target: ofUser,
    status: 200,
    async handler({ ctx, params, request }) {
      refuseDelegated(ctx);
      const token = await asked(deps, params);
      const roles = (await rolesOf(deps.db, token)).map((role) => roleView(deps, role));
      const path = `users/${token.userId}/OS-OAUTH1/access_tokens/${token.id}/roles`;
      return listView(deps, 'roles', roles, { url: request.url, path });
    },
  }),
  route({
    method: 'GET',
    path: `${one}/roles/{role_id}`,
    rule: accessTokenPolicy['identity:get_access_token_role'],
    summary: 'Show a role that a user allowed a consumer',
    target: ofUser,
    status: 200,
    async handler({ ctx, params }) {
      refuseDelegated(ctx);
      const role = (await rolesOf(deps.db, await asked(deps, params))).find(({ id }) => id === params.role_id);
      if (role === undefined) throw new NotFound('role', params.role_id ?? '');
      return { role: roleView(deps, role) };
    },
  }),
];

const asked = (deps: IdentityDeps, params: Record<string, string>) =>
  getAccessToken(deps.db, params.user_id ?? '', params.access_token_id ?? '');
