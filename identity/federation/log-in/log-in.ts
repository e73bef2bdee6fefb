import { decodeJwt } from 'jose';
import { Forbidden, NotFound, Unauthorized } from '../../../common/errors.ts';
import { longestFederatedToken } from '../../tokens/length.ts';
import { type IssuedToken, issueToken } from '../../tokens/operations.ts';
import type { TokenFederation } from '../../tokens/token.ts';
import { assertionOf } from '../assertion.ts';
import type { ConfiguredIssuer } from '../federation.ts';
import type { Claims } from '../issuers/keycloak.ts';
import { type Assertion, applyMapping, type Mapped } from '../mappings/rules.ts';
import { getMapping } from '../mappings/store.ts';
import { Unmappable } from '../mappings/unmappable.ts';
import type { IdentityProvider, Protocol } from '../providers/identity-provider.ts';
import { getIdentityProvider, getProtocol } from '../providers/store.ts';
import type { FederationDeps } from './deps.ts';
import { takeIn } from './take-in.ts';

export interface Door {
  provider: IdentityProvider;
  protocol: Protocol;
}

/** Throws `NotFound`, and `Forbidden` where the identity provider is disabled, as Keystone tells them apart to everybody. */
export async function findDoor({ db }: FederationDeps, identityProviderId: string, protocolId: string): Promise<Door> {
  const provider = await getIdentityProvider(db, identityProviderId);
  if (!provider.enabled) throw new Forbidden(`Identity Provider ${provider.id} is disabled.`);
  return { provider, protocol: await getProtocol(db, identityProviderId, protocolId) };
}

/** An unscoped token for who brings an access token of an issuer that speaks for the identity provider. Throws `Unauthorized`. */
export async function logInWithAccessToken(deps: FederationDeps, door: Door, text: string): Promise<IssuedToken> {
  const issuer = issuerOf(deps, door.provider, text);
  return logInWithClaims(deps, door, await issuer.checker.checkAccessToken(text));
}

/** Only the issuer whose key a token will be checked with is read off it here. */
function issuerOf({ federation }: FederationDeps, { remoteIds }: IdentityProvider, text: string): ConfiguredIssuer {
  const named = namedIssuer(text);
  const issuer = remoteIds.includes(named) ? federation.issuers.get(named) : undefined;
  if (issuer === undefined)
    throw new Unauthorized('The request you have made requires authentication.', {
      cause: `issuer ${named} is not one of the identity provider, or not configured`,
    });
  return issuer;
}

function namedIssuer(text: string): string {
  try {
    return decodeJwt(text).iss ?? '';
  } catch (cause) {
    throw new Unauthorized('The request you have made requires authentication.', { cause });
  }
}

/** What verified claims make of somebody: a user here, with groups and projects as the protocol's mapping says. */
export async function logInWithClaims(deps: FederationDeps, door: Door, claims: Claims): Promise<IssuedToken> {
  const { provider, protocol } = door;
  try {
    const assertion = assertionOf(claims);
    checkRemoteId(door, assertion);
    const mapped = await mappedBy(deps, protocol, assertion);
    const { userId, groupIds } = await takeIn(deps, door, mapped, remoteUser(assertion));
    const federation: TokenFederation = {
      identityProviderId: provider.id,
      protocolId: protocol.id,
      // A user of here is themselves, with no more and no less than they have here.
      groupIds: groupIds ?? [],
      ...(groupIds === undefined && { isLocal: true }),
    };
    const issued = await issueToken(deps, {
      proofs: [{ method: protocol.id, userId, federation }],
      scope: { type: 'unscoped' },
    });
    checkLength(issued, federation.groupIds);
    // What was disabled or deleted while the token was made: it is in the token's snapshot, so no revocation would end it.
    await findDoor(deps, provider.id, protocol.id);
    return issued;
  } catch (error) {
    deps.federation.log.warn(
      { identityProvider: provider.id, protocol: protocol.id, subject: claims.sub, err: error },
      'federated login refused',
    );
    throw error;
  }
}

/** Better not in, and told why, than in with what no request can carry. */
function checkLength({ text }: IssuedToken, groupIds: string[]): void {
  if (text.length <= longestFederatedToken) return;
  throw new Forbidden(`${groupIds.length} groups are too many for a token; the mapping must give fewer.`);
}

function remoteUser(assertion: Assertion): string | undefined {
  return assertion.get('REMOTE_USER')?.[0];
}

function checkRemoteId({ provider, protocol }: Door, assertion: Assertion): void {
  const attribute = protocol.remoteIdAttribute;
  if (attribute === null || attribute === '') return;
  const said = assertion.get(attribute) ?? [];
  if (said.length === 1 && provider.remoteIds.includes(said[0] ?? '')) return;
  throw new Forbidden('Incoming identity provider identifier not included among the accepted identifiers.');
}

async function mappedBy({ db }: FederationDeps, protocol: Protocol, assertion: Assertion): Promise<Mapped> {
  const mapping = await getMapping(db, protocol.mappingId).catch((error: Error) => {
    throw error instanceof NotFound ? new Unmappable('it is not there any more', { cause: error }) : error;
  });
  return applyMapping(mapping, assertion);
}
