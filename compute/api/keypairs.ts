import { Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { linkedPage, maxPageSize, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { createKeypair } from '../keypairs/create.ts';
import type { Keypair } from '../keypairs/keypair.ts';
import { deleteKeypair, getKeypair, listKeypairs } from '../keypairs/store.ts';
import { checkBody, checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

/** Keypairs belong to users. From 2.10 on administrators can name whose they mean. */
const ofUser = (description: string) =>
  ({ check: 'rule:context_is_admin or user_id:%(user_id)s', scopes: anyScope, description }) as const;

export const keypairPolicy = definePolicy({
  'os_compute_api:os-keypairs:index': ofUser('List keypairs'),
  'os_compute_api:os-keypairs:show': ofUser('Show a keypair'),
  'os_compute_api:os-keypairs:create': ofUser('Create or import a keypair'),
  'os_compute_api:os-keypairs:delete': ofUser('Delete a keypair'),
});

const name = (characters: string) => Type.String({ minLength: 1, maxLength: 255, pattern: `^[${characters}]+$` });
const publicKey = Type.String({ maxLength: 16_384 });
const type = Type.Union([Type.Literal('ssh'), Type.Literal('x509')]);
const userId = Type.String({ minLength: 1, maxLength: 255 });
const plain = { name: name('A-Za-z0-9 _-'), public_key: Type.Optional(publicKey) };
const typed = { ...plain, type: Type.Optional(type) };
const keypairOf = <T extends Parameters<typeof Type.Object>[0]>(fields: T) =>
  Type.Object({ keypair: Type.Object(fields, closed) }, closed);

const CreateKeypair = keypairOf(plain);
const CreateTyped = keypairOf(typed); // 2.2
const CreateForUser = keypairOf({ ...typed, user_id: Type.Optional(userId) }); // 2.10
const Import = keypairOf({
  name: name('A-Za-z0-9 @._-'),
  public_key: publicKey,
  type: Type.Optional(type),
  user_id: Type.Optional(userId),
}); // 2.92: nothing is generated any more
const AnyCreate = keypairOf({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  public_key: Type.Optional(publicKey),
  type: Type.Optional(Type.String()),
  user_id: Type.Optional(userId),
});

/** Whose keypairs a request is about. */
const target = (_params: Record<string, string>, ctx: Context, query: Record<string, unknown>) => ({
  user_id: one(query.user_id) ?? ctx.userId,
});
const bodyTarget = (body: { keypair: { user_id?: string } }, ctx: Context) => ({
  user_id: body.keypair.user_id ?? ctx.userId,
});

/** Until 2.9 a query cannot name anybody, and one that does is about the caller all the same. */
function whose(ctx: Context, query: Record<string, unknown>, version: Version): string {
  return (since(version, 2, 10) && one(query.user_id)) || ctx.userId;
}

/** Also for those without a project: a keypair is its user's wherever they are. */
export const keypairRoutes = ({ db, url, region }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-keypairs',
    rule: keypairPolicy['os_compute_api:os-keypairs:index'],
    target,
    summary: 'List keypairs; administrators name whose by `user_id` from 2.10 on',
    status: 200,
    async handler({ ctx, query, version, request }) {
      checkQuery(version, query, ['user_id', 'limit', 'marker']);
      const user = whose(ctx, query, version);
      const page = since(version, 2, 35) ? pageRequest(query) : { limit: maxPageSize, marker: undefined };
      const { keypairs, more } = await listKeypairs(db, user, page);
      const views = keypairs.map((keypair) => ({ keypair: keypairSummary(keypair, version) }));
      if (!since(version, 2, 35)) return { keypairs: views };
      const base = `${url.versioned}/os-keypairs`;
      const marker = keypairs.at(-1)?.name;
      return linkedPage('keypairs', views, { more, marker, url: request.url, base, limit: page.limit });
    },
  }),
  route({
    method: 'POST',
    path: '/v2.1/os-keypairs',
    rule: keypairPolicy['os_compute_api:os-keypairs:create'],
    bodyTarget,
    summary: 'Import a public key, or until 2.91 create a pair whose private half is answered once',
    body: AnyCreate,
    status: 200, // 201 from 2.2
    async handler({ ctx, body, version }, h) {
      checkBody(version, body, [CreateKeypair, [2, CreateTyped], [10, CreateForUser], [92, Import]]);
      const { name, public_key: imported, type } = body.keypair;
      checkSpaces(name);
      const user = body.keypair.user_id ?? ctx.userId;
      if (type === 'x509')
        throw new BadRequest('Keypair data is invalid: keys of type x509 are not supported, only those of type ssh.');
      const { keypair, privateKey } = await createKeypair({ db, region }, ctx, { userId: user, name, imported });
      const view = {
        ...keypairSummary(keypair, version),
        user_id: keypair.userId,
        ...(privateKey !== undefined && { private_key: privateKey }),
      };
      return h.response({ keypair: view }).code(since(version, 2, 2) ? 201 : 200);
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-keypairs/{keypair_name}',
    rule: keypairPolicy['os_compute_api:os-keypairs:show'],
    target,
    summary: 'Show a keypair',
    status: 200,
    async handler({ ctx, params, query, version }) {
      checkQuery(version, query, ['user_id']);
      const user = whose(ctx, query, version);
      return { keypair: keypairView(await getKeypair(db, user, params.keypair_name ?? ''), version) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/os-keypairs/{keypair_name}',
    rule: keypairPolicy['os_compute_api:os-keypairs:delete'],
    target,
    summary: 'Delete a keypair; servers made with it keep the key',
    status: 202, // 204 from 2.2
    async handler({ ctx, params, query, version }, h) {
      checkQuery(version, query, ['user_id']);
      const user = whose(ctx, query, version);
      await deleteKeypair(db, user, params.keypair_name ?? '');
      return h.response().code(since(version, 2, 2) ? 204 : 202);
    },
  }),
];

function checkSpaces(name: string): void {
  if (name.trim() !== name)
    throw new BadRequest('Invalid input for field/attribute name. Can not start or end with whitespace.');
}

function keypairSummary(keypair: Keypair, version: Version) {
  return {
    name: keypair.name,
    public_key: keypair.publicKey,
    fingerprint: keypair.fingerprint,
    ...(since(version, 2, 2) && { type: 'ssh' }),
  };
}

function keypairView(keypair: Keypair, version: Version) {
  return {
    ...keypairSummary(keypair, version),
    id: keypair.number,
    user_id: keypair.userId,
    created_at: isoMicros(keypair.createdAt),
    updated_at: null,
    deleted: false,
    deleted_at: null,
  };
}
