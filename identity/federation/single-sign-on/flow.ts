import { createHash, randomBytes } from 'node:crypto';
import { BadRequest, Unauthorized } from '../../../common/errors.ts';
import { secretsEqual } from '../../../common/secret.ts';
import { identityUrl } from '../../deps.ts';
import { seal, unseal } from '../../sealing.ts';
import type { IssuedToken } from '../../tokens/operations.ts';
import type { ConfiguredIssuer } from '../federation.ts';
import { askIssuer } from '../issuers/request.ts';
import type { FederationDeps } from '../log-in/deps.ts';
import { type Door, findDoor, logInWithClaims } from '../log-in/log-in.ts';

/** How long somebody may take to log in at the identity provider. */
export const patienceSeconds = 600;

/**
 * What has to be known again when the browser comes back. It goes with the browser, sealed: nothing is kept here for
 * somebody who has only clicked, however often (CVE-2014-8124).
 */
interface Journey {
  identityProviderId: string;
  protocolId: string;
  issuer: string;
  origin: string;
  state: string;
  nonce: string;
  verifier: string;
  /** Milliseconds since 1970. */
  until: number;
}

/** Where the identity provider sends the browser back to: one address for all, which the operator registers there. */
export function callbackUrl(deps: FederationDeps): string {
  return `${identityUrl(deps)}/auth/OS-FEDERATION/callback`;
}

/** Throws `BadRequest` without an origin, `Unauthorized` for one to which nobody said a token may be handed. */
export function checkOrigin({ federation }: FederationDeps, origin: string | undefined): string {
  if (origin === undefined || origin === '') throw new BadRequest('Request must have an origin query parameter');
  if (federation.trustedDashboards.has(origin)) return origin;
  throw new Unauthorized(`${origin} is not a trusted dashboard host`);
}

/** The first configured issuer of an identity provider. Throws `Unauthorized` where there is none. */
export function issuerFor({ federation }: FederationDeps, { provider }: Door): ConfiguredIssuer {
  for (const issuer of federation.issuers.values()) if (provider.remoteIds.includes(issuer.issuer)) return issuer;
  throw new Unauthorized(`No issuer of identity provider ${provider.id} is configured here.`);
}

const random = () => randomBytes(32).toString('base64url');

/** Sends the browser to the identity provider: the address, and what it has to bring back with it. */
export function setOut(deps: FederationDeps, door: Door, origin: string): { location: string; journey: string } {
  const issuer = issuerFor(deps, door);
  const journey: Journey = {
    identityProviderId: door.provider.id,
    protocolId: door.protocol.id,
    issuer: issuer.issuer,
    origin,
    state: random(),
    nonce: random(),
    verifier: random(),
    until: Date.now() + patienceSeconds * 1000,
  };
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: issuer.clientId,
    redirect_uri: callbackUrl(deps),
    scope: 'openid profile email',
    state: journey.state,
    nonce: journey.nonce,
    code_challenge: createHash('sha256').update(journey.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return {
    location: `${issuer.issuer}/protocol/openid-connect/auth?${query}`,
    journey: seal(JSON.stringify(journey), deps.master, 'federation'),
  };
}

/** What the identity provider sends the browser back with. */
export interface Arrival {
  state: string;
  code?: string;
  /** Why it does not let them in. */
  error?: string;
  /** Who answers (RFC 9207). */
  iss?: string;
}

/** Ends what `setOut` began, with a token for the dashboard that it came from. Throws `Unauthorized`. */
export async function arrive(
  deps: FederationDeps,
  sealed: string | undefined,
  { state, code, error, iss }: Arrival,
): Promise<{ origin: string; issued: IssuedToken }> {
  const journey = openJourney(deps, sealed);
  if (!secretsEqual(journey.state, state)) throw refused('an answer to another log-in than this browser’s latest');
  if (iss !== undefined && iss !== journey.issuer) throw refused('another issuer answers than was asked');
  if (error !== undefined) throw refused(`the identity provider says ${error.slice(0, 100)}`);
  const issuer = deps.federation.issuers.get(journey.issuer);
  if (code === undefined || issuer === undefined) throw refused('no code');
  const door = await findDoor(deps, journey.identityProviderId, journey.protocolId);
  if (!door.provider.remoteIds.includes(issuer.issuer)) throw refused('the identity provider has other issuers now');
  const tokens = await exchange(deps, issuer, code, journey.verifier);
  const claims = await issuer.checker.checkLogin(tokens, journey.nonce);
  return { origin: journey.origin, issued: await logInWithClaims(deps, door, claims) };
}

const refused = (why: string) =>
  new Unauthorized(`Single sign-on did not succeed (${why}); go back to the dashboard and log in again.`);

function openJourney({ master }: FederationDeps, sealed: string | undefined): Journey {
  if (sealed === undefined) throw refused('this browser has not begun to log in, or does not keep cookies');
  let journey: Journey;
  try {
    journey = JSON.parse(unseal(sealed, master, 'federation')) as Journey;
  } catch {
    throw refused('this browser brings back something else than it was given');
  }
  if (journey.until < Date.now()) throw refused('it took too long');
  return journey;
}

/** The code for tokens, at the issuer that was asked and with the secrets that only this cloud and this browser have. */
async function exchange(
  deps: FederationDeps,
  { issuer, clientId, clientSecret }: ConfiguredIssuer,
  code: string,
  verifier: string,
): Promise<{ accessToken: string; idToken: string }> {
  const { status, json } = await askIssuer(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callbackUrl(deps),
      client_id: clientId,
      code_verifier: verifier,
      ...(clientSecret && { client_secret: clientSecret.reveal() }),
    }),
  });
  const { access_token, id_token, error } = (json ?? {}) as Record<string, unknown>;
  if (status === 200 && typeof access_token === 'string' && typeof id_token === 'string')
    return { accessToken: access_token, idToken: id_token };
  throw refused(typeof error === 'string' ? `the identity provider says ${error.slice(0, 100)}` : 'no tokens');
}
