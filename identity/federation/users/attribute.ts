import { Type } from 'typebox';
import { type Knex, violatedConstraint } from '../../../common/database/database.ts';
import { BadRequest, Conflict } from '../../../common/errors.ts';
import { type FederatedIdentity, insertFederatedIdentity } from './store.ts';

const id = Type.String({ minLength: 1, maxLength: 64 });

/** The `federated` attribute of users, as the Users API has it: who they are at each identity provider. */
export const FederatedAttribute = Type.Array(
  Type.Object(
    {
      idp_id: id,
      protocols: Type.Array(
        Type.Object(
          { protocol_id: id, unique_id: Type.String({ minLength: 1, maxLength: 255 }) },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: 100 },
      ),
    },
    { additionalProperties: false },
  ),
  { maxItems: 100 },
);

export type Federated = { idp_id: string; protocols: { protocol_id: string; unique_id: string }[] }[];

/** By user id; users without any are left out. */
export async function federatedOf(db: Knex, userIds: readonly string[]): Promise<Map<string, Federated>> {
  const rows = await db('federated_users')
    .whereIn('user_id', [...userIds])
    .orderBy(['identity_provider_id', 'protocol_id', 'unique_id']);
  const users = new Map<string, Federated>();
  for (const { user_id, identity_provider_id, protocol_id, unique_id } of rows) {
    const federated = users.get(user_id) ?? [];
    users.set(user_id, federated);
    const last = federated.at(-1);
    if (last && last.idp_id === identity_provider_id) last.protocols.push({ protocol_id, unique_id });
    else federated.push({ idp_id: identity_provider_id, protocols: [{ protocol_id, unique_id }] });
  }
  return users;
}

/**
 * Sets who a user is elsewhere: all of it. `BadRequest` for an identity provider or protocol that is not there, `Conflict`
 * for an identity that is another user's.
 */
export async function setFederated(trx: Knex, userId: string, federated: Federated): Promise<void> {
  const identities: FederatedIdentity[] = federated.flatMap(({ idp_id, protocols }) =>
    protocols.map(({ protocol_id, unique_id }) => ({
      identityProviderId: idp_id,
      protocolId: protocol_id,
      uniqueId: unique_id,
    })),
  );
  await trx('federated_users').where({ user_id: userId }).delete();
  for (const identity of identities)
    try {
      await insertFederatedIdentity(trx, userId, identity);
    } catch (error) {
      const constraint = violatedConstraint(error);
      if (constraint === undefined) throw error;
      const { identityProviderId, protocolId, uniqueId } = identity;
      if (constraint === 'federated_users_pkey')
        throw new Conflict(`${uniqueId} of identity provider ${identityProviderId} is a user here already.`, {
          cause: error,
        });
      throw new BadRequest(`There is no protocol ${protocolId} of an identity provider ${identityProviderId}.`, {
        cause: error,
      });
    }
}
