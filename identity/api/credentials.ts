import { Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { given } from '../../common/database/database.ts';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import type { Credential } from '../credentials/credential.ts';
import {
  changeCredential,
  createCredential,
  deleteCredential,
  getReachable,
  maySeeSecret,
  reachOf,
} from '../credentials/operations.ts';
import { findOwner, listCredentials } from '../credentials/store.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { identityPage, listView } from './listing.ts';
import { cloudReadersAndOwner, ownerOnly } from './personas.ts';

const id = Type.String({ minLength: 1, maxLength: 64 });
const blob = Type.String({ maxLength: 65535 });
const type = Type.String({ minLength: 1, maxLength: 255 });
const projectId = Type.Optional(Type.Union([id, Type.Null()]));

const CreateCredential = Type.Object({
  credential: Type.Object({ user_id: id, project_id: projectId, type, blob }),
});
const UpdateCredential = Type.Object({
  credential: Type.Object(
    {
      user_id: Type.Optional(id),
      project_id: projectId,
      type: Type.Optional(type),
      blob: Type.Optional(blob),
    },
    { minProperties: 1 },
  ),
});

const owner = 'target.credential.user_id';

export const credentialPolicy = definePolicy({
  'identity:get_credential': cloudReadersAndOwner(
    owner,
    'Show a credential; its secret to its owner and administrators',
  ),
  'identity:list_credentials': cloudReadersAndOwner(owner, 'List credentials; everybody may list their own'),
  'identity:create_credential': ownerOnly(owner, 'Keep a credential'),
  'identity:update_credential': ownerOnly(owner, 'Change a credential'),
  'identity:delete_credential': ownerOnly(owner, 'Delete a credential'),
});

function view(deps: IdentityDeps, ctx: Context, credential: Credential) {
  const { id, userId, projectId, type, blob } = credential;
  const links = { self: `${identityUrl(deps)}/credentials/${id}` };
  return {
    ...{ id, user_id: userId, project_id: projectId, type },
    blob: maySeeSecret(ctx, credential) ? blob : null,
    links,
  };
}

const own = (_params: unknown, ctx: Context) => ({ [owner]: ctx.userId });

export const credentialRoutes = (deps: IdentityDeps) => {
  const { db, enforcer } = deps;
  const ofCredential = async ({ credential_id = '' }: Record<string, string>) => ({
    [owner]: await findOwner(db, credential_id),
  });
  return [
    route({
      method: 'GET',
      path: '/v3/credentials',
      rule: credentialPolicy['identity:list_credentials'],
      summary: 'List credentials',
      target: own,
      status: 200,
      async handler({ ctx, query, request }) {
        const [userId, type] = [one(query.user_id), one(query.type)];
        const seesAll = enforcer.allows(ctx, credentialPolicy['identity:get_credential'], {});
        const reach = reachOf(ctx);
        const isNone = reach === null || (!seesAll && userId !== undefined && userId !== ctx.userId);
        const filter = { ...reach, type, userId: seesAll ? userId : ctx.userId };
        const { credentials, more } = isNone
          ? { credentials: [], more: false }
          : await listCredentials(deps, filter, identityPage(query));
        const views = credentials.map((credential) => view(deps, ctx, credential));
        return listView(deps, 'credentials', views, { url: request.url, more });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/credentials',
      rule: credentialPolicy['identity:create_credential'],
      summary: 'Keep a credential',
      target: own,
      body: CreateCredential,
      bodyTarget: ({ credential }) => ({ [owner]: credential.user_id }),
      status: 201,
      async handler({ ctx, body }, h) {
        const { user_id, project_id, type, blob } = body.credential;
        const asked = { userId: user_id, projectId: project_id ?? null, type, blob };
        return h.response({ credential: view(deps, ctx, await createCredential(deps, ctx, asked)) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/credentials/{credential_id}',
      rule: credentialPolicy['identity:get_credential'],
      summary: 'Show a credential',
      target: ofCredential,
      status: 200,
      handler: async ({ ctx, params }) => ({
        credential: view(deps, ctx, await getReachable(deps, ctx, params.credential_id ?? '')),
      }),
    }),
    route({
      method: 'PATCH',
      path: '/v3/credentials/{credential_id}',
      rule: credentialPolicy['identity:update_credential'],
      summary: 'Change a credential',
      target: ofCredential,
      body: UpdateCredential,
      bodyTarget: async ({ credential }, _ctx, params) =>
        credential.user_id === undefined ? ofCredential(params) : { [owner]: credential.user_id },
      status: 200,
      async handler({ ctx, params, body }) {
        const { user_id, project_id, type, blob } = body.credential;
        const changes = given({ userId: user_id, projectId: project_id, type, blob });
        return { credential: view(deps, ctx, await changeCredential(deps, ctx, params.credential_id ?? '', changes)) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/credentials/{credential_id}',
      rule: credentialPolicy['identity:delete_credential'],
      summary: 'Delete a credential',
      target: ofCredential,
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteCredential(deps, ctx, params.credential_id ?? '');
        return noContent(h);
      },
    }),
  ];
};
