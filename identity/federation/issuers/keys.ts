import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { Unavailable } from '../../../common/errors.ts';
import { askIssuer } from './request.ts';

/** The keys that an issuer signs with, by their id, as PEM. */
export interface IssuerKeys {
  /** Rejects for a key that the issuer does not have; throws `Unavailable` when it cannot be asked. */
  getJWK(keyId: string): Promise<string>;
}

/** An unknown key may be a new one; but whoever makes up key ids must not make us ask each time. */
const leastMsBetween = 10_000;
/** A key that the issuer withdrew is none after this time, unless it cannot be asked. */
const mostMsOld = 600_000;

/**
 * Keeps an issuer's keys and asks for them again when a token names another: so does keycloak-connect itself, but without a
 * limit to time or size, and again and again while the issuer is away.
 */
export function issuerKeys(issuer: string, { now = Date.now, ask = askIssuer } = {}): IssuerKeys {
  let keys = new Map<string, string>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let failure: Unavailable | undefined;

  const load = async () => {
    askedAt = now();
    failure = undefined;
    try {
      const { status, json } = await ask(`${issuer}/protocol/openid-connect/certs`);
      if (status !== 200) throw unusable(status);
      keys = readKeys(json);
    } catch (error) {
      failure = error instanceof Unavailable ? error : unusable(error);
    } finally {
      asking = undefined;
    }
  };
  return {
    async getJWK(keyId) {
      const age = now() - askedAt;
      if (asking === undefined && age >= (keys.has(keyId) ? mostMsOld : leastMsBetween)) asking = load();
      await asking;
      const key = keys.get(keyId);
      if (key !== undefined) return key;
      throw failure ?? new Error('a key that the issuer does not have');
    },
  };
}

const unusable = (cause: unknown) =>
  new Unavailable('The identity provider does not give its keys now; try again.', { cause });

/** RSA keys for signatures: keycloak-connect verifies no others. */
function readKeys(json: unknown): Map<string, string> {
  const { keys } = json as { keys: { kid?: unknown; kty?: unknown; use?: unknown }[] };
  return new Map(
    keys
      .filter((key) => key.kty === 'RSA' && key.use !== 'enc' && typeof key.kid === 'string')
      .map((key) => [
        key.kid as string,
        createPublicKey({ key: key as JsonWebKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string,
      ]),
  );
}
