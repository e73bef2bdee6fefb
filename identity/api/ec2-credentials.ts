import { Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type Credential, idOfAccessKey, parseKeyPair } from '../credentials/credential.ts';
import { createKeyPair, deleteCredential, getReachable, maySeeSecret, reachOf } from '../credentials/operations.ts';
import { listCredentials } from '../credentials/store.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { getUser } from '../users/store.ts';
import { identityPage, listView } from './listing.ts';
import { cloudReadersAndOwner } from './personas.ts';

const CreateKeyPair = Type.Object({ tenant_id: Type.String({ minLength: 1, maxLength: 64 }) });

const owner = 'target.credential.user_id';
const memberOwner = (description: string) =>
  ({ check: `rule:admin_required or (role:member and user_id:%(${owner})s)`, scopes: anyScope, description }) as const;

export const ec2CredentialPolicy = definePolicy({
  'identity:ec2_get_credential': cloudReadersAndOwner(
    owner,
    'Show a key pair of a user; its secret to them and administrators',
  ),
  'identity:ec2_list_credentials': cloudReadersAndOwner('user_id', 'List the key pairs of a user'),
  'identity:ec2_create_credential': memberOwner('Create a key pair'),
  'identity:ec2_delete_credential': memberOwner('Delete a key pair'),
});

function view(deps: IdentityDeps, ctx: Context, credential: Credential) {
  const { userId, projectId, trustId, blob } = credential;
  const { access, ...pair } = parseKeyPair(blob);
  const secret = maySeeSecret(ctx, credential) ? pair.secret : null;
  const links = { self: `${identityUrl(deps)}/users/${userId}/credentials/OS-EC2/${access}` };
  return { user_id: userId, tenant_id: projectId, access, secret, trust_id: trustId, links };
}

const ofPath = ({ user_id }: Record<string, string>) => ({ user_id, [owner]: user_id });
const path = '/v3/users/{user_id}/credentials/OS-EC2';

export const ec2CredentialRoutes = (deps: IdentityDeps) => {
  /** By its access key, and only of the user in the path. */
  const get = async (ctx: Context, { user_id, credential_id = '' }: Record<string, string>) => {
    const missing = new NotFound('credential', credential_id);
    const found = await getReachable(deps, ctx, idOfAccessKey(credential_id)).catch((error) => {
      throw error instanceof NotFound ? missing : error;
    });
    if (found.userId !== user_id || found.type !== 'ec2') throw missing;
    return found;
  };
  return [
    route({
      method: 'GET',
      path,
      rule: ec2CredentialPolicy['identity:ec2_list_credentials'],
      summary: 'List the EC2 credentials of a user',
      target: ofPath,
      status: 200,
      async handler({ ctx, params: { user_id = '' }, query, request }) {
        await getUser(deps.db, user_id);
        const reach = reachOf(ctx);
        const { credentials, more } =
          reach === null
            ? { credentials: [], more: false }
            : await listCredentials(deps, { ...reach, userId: user_id, type: 'ec2' }, identityPage(query));
        const views = credentials.map((credential) => ({ id: credential.id, ...view(deps, ctx, credential) }));
        return listView(deps, 'credentials', views, {
          ...{ url: request.url, more, path: `users/${user_id}/credentials/OS-EC2` },
        });
      },
    }),
    route({
      method: 'POST',
      path,
      rule: ec2CredentialPolicy['identity:ec2_create_credential'],
      summary: 'Create an EC2 credential',
      target: ofPath,
      body: CreateKeyPair,
      status: 201,
      async handler({ ctx, params: { user_id = '' }, body }, h) {
        const credential = await createKeyPair(deps, ctx, user_id, body.tenant_id);
        return h.response({ credential: view(deps, ctx, credential) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: `${path}/{credential_id}`,
      rule: ec2CredentialPolicy['identity:ec2_get_credential'],
      summary: 'Show an EC2 credential by its access key',
      target: ofPath,
      status: 200,
      handler: async ({ ctx, params }) => ({ credential: view(deps, ctx, await get(ctx, params)) }),
    }),
    route({
      method: 'DELETE',
      path: `${path}/{credential_id}`,
      rule: ec2CredentialPolicy['identity:ec2_delete_credential'],
      summary: 'Delete an EC2 credential',
      target: ofPath,
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteCredential(deps, ctx, (await get(ctx, params)).id);
        return noContent(h);
      },
    }),
  ];
};
