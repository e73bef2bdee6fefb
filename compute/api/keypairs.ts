import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import { generateSshKeypair, type Keypair, readPublicKey } from '../keypairs/keypair.ts';
import { deleteKeypair, getKeypair, insertKeypair, listKeypairs } from '../keypairs/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed } from './fields.ts';

/** Keypairs belong to whoever asks; nobody can name another's before microversion 2.10. */
export const keypairPolicy = definePolicy({
  'os_compute_api:os-keypairs:index': authenticated('List own keypairs'),
  'os_compute_api:os-keypairs:show': authenticated('Show an own keypair'),
  'os_compute_api:os-keypairs:create': authenticated('Create or import a keypair'),
  'os_compute_api:os-keypairs:delete': authenticated('Delete an own keypair'),
});

const CreateKeypair = Type.Object(
  {
    keypair: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 255 }),
        public_key: Type.Optional(Type.String({ maxLength: 16_384 })),
        type: Type.Optional(Type.String()),
      },
      closed,
    ),
  },
  closed,
);

export const keypairRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/os-keypairs',
    rule: keypairPolicy['os_compute_api:os-keypairs:index'],
    summary: 'List own keypairs',
    status: 200,
    async handler({ ctx, version }) {
      const keypairs = await listKeypairs(db, ctx.userId);
      return { keypairs: keypairs.map((keypair) => ({ keypair: keypairSummary(keypair, version) })) };
    },
  }),
  route({
    method: 'POST',
    path: '/v2.1/os-keypairs',
    rule: keypairPolicy['os_compute_api:os-keypairs:create'],
    summary: 'Import a public key, or create a pair whose private half is answered once',
    body: CreateKeypair,
    status: 200, // 201 from 2.2
    async handler({ ctx, body, version }, h) {
      const { name, public_key: imported, type } = body.keypair;
      checkName(name);
      if (type !== undefined && !since(version, 2, 2))
        throw new BadRequest('Invalid input for field/attribute keypair: unexpected type.');
      if (type !== undefined && type !== 'ssh')
        throw new BadRequest(`Invalid input for field/attribute type. Value: ${type}. Only ssh keys are supported.`);
      const generated = imported === undefined ? await generateSshKeypair('Generated-by-Nova') : undefined;
      const key = readPublicKey(imported ?? generated?.publicKey ?? '');
      const keypair = await insertKeypair(db, { userId: ctx.userId, name, ...key });
      const view = {
        ...keypairSummary(keypair, version),
        user_id: keypair.userId,
        ...(generated && { private_key: generated.privateKey }),
      };
      return h.response({ keypair: view }).code(since(version, 2, 2) ? 201 : 200);
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-keypairs/{keypair_name}',
    rule: keypairPolicy['os_compute_api:os-keypairs:show'],
    summary: 'Show an own keypair',
    status: 200,
    async handler({ ctx, params, version }) {
      const keypair = await getKeypair(db, ctx.userId, params.keypair_name ?? '');
      return {
        keypair: {
          ...keypairSummary(keypair, version),
          id: keypair.number,
          user_id: keypair.userId,
          created_at: isoMicros(keypair.createdAt),
          updated_at: null,
          deleted: false,
          deleted_at: null,
        },
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/os-keypairs/{keypair_name}',
    rule: keypairPolicy['os_compute_api:os-keypairs:delete'],
    summary: 'Delete an own keypair; servers made with it keep the key',
    status: 202, // 204 from 2.2
    async handler({ ctx, params, version }, h) {
      await deleteKeypair(db, ctx.userId, params.keypair_name ?? '');
      return h.response().code(since(version, 2, 2) ? 204 : 202);
    },
  }),
];

/** Before 2.92: letters, digits, spaces, dashes and underscores (nova/compute/api.py, KeypairAPI). */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9 _-]+$/.test(name))
    throw new BadRequest('Keypair data is invalid: Keypair name contains unsafe characters');
  if (name.trim() !== name) throw new BadRequest('Keypair data is invalid: spaces around the name.');
}

function keypairSummary(keypair: Keypair, version: Version) {
  return {
    name: keypair.name,
    public_key: keypair.publicKey,
    fingerprint: keypair.fingerprint,
    ...(since(version, 2, 2) && { type: 'ssh' }),
  };
}
