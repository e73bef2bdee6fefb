import { type Static, Type } from 'typebox';
import { Forbidden } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { Secret } from '../../common/secret.ts';
import type { ApplicationCredential } from '../application-credentials/application-credential.ts';
import { createApplicationCredential, deleteApplicationCredential } from '../application-credentials/operations.ts';
import { getApplicationCredential, listApplicationCredentials } from '../application-credentials/store.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { refuseDelegated, refuseTrustee } from '../tokens/delegated.ts';
import { AccessRuleBody, userOfPath } from './access-rules.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { cloudReadersAndOwner, ownerOnly } from './personas.ts';

const id = Type.String({ minLength: 1, maxLength: 64 });
const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const optional = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]));

const CreateApplicationCredential = Type.Object(
  {
    application_credential: Type.Object(
      {
        id: Type.Optional(Type.String({ maxLength: 64 })), // taken and ignored, as keystone does
        project_id: Type.Optional(id), // likewise: it is the token's
        name,
        description: optional(Type.String({ maxLength: 65535 })),
        secret: optional(Type.String({ maxLength: 4096 })),
        expires_at: optional(Type.String({ maxLength: 64 })),
        unrestricted: optional(Type.Boolean()),
        system: Type.Optional(Type.Null()), // there are none for the system
        roles: Type.Optional(
          Type.Array(
            Type.Union([
              Type.Object({ id }, { additionalProperties: false }),
              Type.Object({ name }, { additionalProperties: false }),
            ]),
            { maxItems: 1000 },
          ),
        ),
        access_rules: Type.Optional(Type.Array(Type.Union([Type.Object({ id }), AccessRuleBody]), { maxItems: 1000 })),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

export const applicationCredentialPolicy = definePolicy({
  'identity:get_application_credential': cloudReadersAndOwner('user_id', 'Show an application credential of a user'),
  'identity:list_application_credentials': cloudReadersAndOwner(
    'user_id',
    'List the application credentials of a user',
  ),
  'identity:create_application_credential': {
    check: 'user_id:%(user_id)s',
    scopes: ['project'],
    description: 'Create an application credential of one’s own, for the token’s project',
  },
  'identity:delete_application_credential': ownerOnly('user_id', 'Delete an application credential of a user'),
});

function view(deps: IdentityDeps, credential: ApplicationCredential) {
  const { id, userId, projectId, name, description, roles, unrestricted, expiresAt, accessRules } = credential;
  return {
    id,
    name,
    description,
    user_id: userId,
    project_id: projectId,
    system: null,
    roles: roles.map((role) => ({ id: role.id, name: role.name, domain_id: null })),
    expires_at: expiresAt,
    unrestricted,
    ...(accessRules && { access_rules: accessRules }),
    links: { self: `${identityUrl(deps)}/users/${userId}/application_credentials/${id}` },
  };
}

function unpack(asked: Static<typeof CreateApplicationCredential>['application_credential']) {
  const { roles, access_rules } = asked;
  return {
    name: asked.name,
    description: asked.description ?? null,
    secret: asked.secret ? new Secret(asked.secret) : null,
    roles: roles?.length ? roles : null,
    unrestricted: asked.unrestricted ?? false,
    expiresAt: asked.expires_at ?? null,
    accessRules: access_rules?.length ? access_rules : null, // none, and not given, are the same to keystone
  };
}

const path = '/v3/users/{user_id}/application_credentials';

export const applicationCredentialRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: applicationCredentialPolicy['identity:list_application_credentials'],
    summary: 'List the application credentials of a user',
    target: userOfPath,
    status: 200,
    async handler({ ctx, params: { user_id = '' }, query, request }) {
      refuseTrustee(ctx, 'application credentials');
      const asked = { filters: textFilters(query, { name: 'c.name' }), page: identityPage(query) };
      const { credentials, more } = await listApplicationCredentials(deps.db, user_id, asked);
      const views = credentials.map((credential) => view(deps, credential));
      const at = `users/${user_id}/application_credentials`;
      return listView(deps, 'application_credentials', views, { url: request.url, more, path: at });
    },
  }),
  route({
    method: 'POST',
    path,
    rule: applicationCredentialPolicy['identity:create_application_credential'],
    summary: 'Create an application credential; the secret is shown this once',
    target: userOfPath,
    body: CreateApplicationCredential,
    status: 201,
    async handler({ ctx, params, body }, h) {
      if (params.user_id !== ctx.userId)
        throw new Forbidden('Cannot create an application credential for another user.');
      const asked = unpack(body.application_credential);
      const { credential, secret } = await createApplicationCredential(deps, ctx, asked);
      const shown = { ...view(deps, credential), secret: secret.reveal() };
      return h.response({ application_credential: shown }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{application_credential_id}`,
    rule: applicationCredentialPolicy['identity:get_application_credential'],
    summary: 'Show an application credential',
    target: userOfPath,
    status: 200,
    async handler({ ctx, params: { user_id = '', application_credential_id = '' } }) {
      refuseTrustee(ctx, 'application credentials');
      const credential = await getApplicationCredential(deps.db, user_id, application_credential_id);
      return { application_credential: view(deps, credential) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{application_credential_id}`,
    rule: applicationCredentialPolicy['identity:delete_application_credential'],
    summary: 'Delete an application credential and end its tokens',
    target: userOfPath,
    status: 204,
    async handler({ ctx, params: { user_id = '', application_credential_id = '' } }, h) {
      refuseDelegated(ctx, 'application credentials');
      await deleteApplicationCredential(deps, user_id, application_credential_id);
      return noContent(h);
    },
  }),
];
