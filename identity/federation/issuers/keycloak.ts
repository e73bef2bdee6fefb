import { decodeProtectedHeader } from 'jose';
import KeycloakConnect from 'keycloak-connect';
import { Unauthorized, Unavailable } from '../../../common/errors.ts';
import { type IssuerKeys, issuerKeys } from './keys.ts';
import type { Issuer } from './settings.ts';

/** What an issuer's signed token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** One issuer, as its tokens are checked. */
export interface TokenChecker {
  /** An access token for this cloud. Throws `Unauthorized`, `Unavailable` when the issuer's keys cannot be had. */
  checkAccessToken(text: string): Promise<Claims>;
  /** What a log-in in the browser brought. */
  checkLogin(tokens: { accessToken: string; idToken: string }, nonce: string): Promise<Claims>;
}

/** keycloak-connect's grant manager, as its code is; its types leave out what we rely on. */
interface GrantManager {
  rotation: IssuerKeys;
  createGrant(tokens: { access_token: string; id_token?: string }): Promise<{
    access_token?: { content: Claims };
    id_token?: { content: Claims };
  }>;
}

const longestToken = 16 * 1024;
/** How far an issuer's clock may be ahead of ours. */
const skewSeconds = 30;

const refused = (cause: unknown) => new Unauthorized('The request you have made requires authentication.', { cause });

/**
 * Checks tokens through keycloak-connect: signature, expiry, issuer and kind (`typ`) are its work, by the keys of the
 * issuer and without asking it. What it leaves open is closed here: another algorithm in the header, more than three
 * parts, no expiry at all, a token that is not valid yet, and for whom an access token is.
 */
export function keycloakChecker(issuer: Issuer, keys: IssuerKeys = issuerKeys(issuer.issuer)): TokenChecker {
  const manager = grantManager(issuer);
  manager.rotation = keys;
  const check = async (tokens: { access_token: string; id_token?: string }) => {
    for (const text of [tokens.access_token, tokens.id_token]) {
      if (text === undefined) continue;
      // Asked here first: the library would pass off an issuer that does not answer as a wrong token.
      await keys.getJWK(keyIdOf(text)).catch((error) => {
        throw error instanceof Unavailable ? error : refused(error);
      });
    }
    return manager.createGrant(tokens).catch((error) => {
      throw refused(error);
    });
  };
  return {
    async checkAccessToken(text) {
      const { access_token } = await check({ access_token: text });
      return checkAccess(issuer, access_token?.content);
    },
    async checkLogin({ accessToken, idToken }, nonce) {
      const { access_token, id_token } = await check({ access_token: accessToken, id_token: idToken });
      const claims = checkAccess(issuer, access_token?.content);
      const login = checkTimes(id_token?.content);
      if (login.nonce !== nonce) throw refused('the answer to another log-in');
      if (login.sub !== claims.sub) throw refused('tokens about two different users');
      return claims;
    },
  };
}

function grantManager({ issuer, clientId }: Issuer): GrantManager {
  const [, server = '', realm = ''] = /^(.*)\/realms\/([^/]+)$/.exec(issuer) ?? [];
  const config = {
    'auth-server-url': server,
    realm,
    resource: clientId,
    'confidential-port': 0,
    'ssl-required': 'none', // the library's own server would look at it; there is none here
  };
  return new KeycloakConnect({}, config).grantManager as unknown as GrantManager;
}

/** The id of the key that signed it. The library looks at neither the algorithm nor what comes after the signature. */
function keyIdOf(text: string): string {
  if (text.length > longestToken || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw refused('not a signed token');
  try {
    const { alg, crit, kid } = decodeProtectedHeader(text);
    if (alg === 'RS256' && crit === undefined && typeof kid === 'string') return kid;
  } catch (cause) {
    throw refused(cause);
  }
  throw refused('another algorithm, or no key');
}

function checkTimes(claims: Claims | undefined): Claims {
  const now = Date.now() / 1000;
  const { exp, iat, nbf = 0, sub } = claims ?? {};
  if (claims === undefined || typeof sub !== 'string' || sub === '') throw refused('nobody');
  if (typeof exp !== 'number' || typeof iat !== 'number' || typeof nbf !== 'number') throw refused('no times');
  if (exp <= now || iat > now + skewSeconds || nbf > now + skewSeconds) throw refused('not now');
  return claims;
}

/** Made for this cloud (`aud`), or given to a program of which the operator said that its tokens count (`azp`). */
function checkAccess({ clientId, clients }: Issuer, content: Claims | undefined): Claims {
  const claims = checkTimes(content);
  const audience = [claims.aud].flat();
  const isForUs = audience.includes(clientId) || [clientId, ...clients].includes(String(claims.azp ?? ''));
  if (!isForUs) throw refused('a token for somebody else');
  return claims;
}
