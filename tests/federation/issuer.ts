import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** An issuer as Keycloak is one to those who check its tokens: a realm with a key, and access tokens signed with it. */
export interface TestIssuer {
  /** As in `iss`. */
  issuer: string;
  /** How often its keys were asked for. */
  keyRequests(): number;
  /** An access token that is right, but for what is given; an undefined claim is left out. */
  accessToken(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** The same, signed with a key that is not the issuer's but says so. */
  forgedToken(claims?: Record<string, unknown>): Promise<string>;
}

export const clientId = 'cirrostack';

/** Starts an issuer that ends with the test. */
export async function startTestIssuer(t: ExecutionContext): Promise<TestIssuer> {
  const own = await generateKeyPair('RS256');
  const foreign = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(own.publicKey)), kid: 'the-key', use: 'sig', alg: 'RS256' };
  let asked = 0;
  const server = createServer((request, response) => {
    if (!request.url?.endsWith('/certs')) {
      response.writeHead(404).end('{}');
      return;
    }
    asked += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [key] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/test`;
  const now = () => Math.floor(Date.now() / 1000);
  const sign = (
    privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'],
    claims: Record<string, unknown>,
    header: Record<string, unknown>,
  ) => {
    const whole: JWTPayload = {
      iss: issuer,
      sub: 'subject-1',
      typ: 'Bearer',
      azp: clientId,
      aud: 'account',
      iat: now(),
      exp: now() + 300,
      preferred_username: 'ada',
      ...claims,
    };
    const given = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
    return new SignJWT(given)
      .setProtectedHeader({ alg: 'RS256', kid: 'the-key', typ: 'JWT', ...header })
      .sign(privateKey);
  };
  return {
    issuer,
    keyRequests: () => asked,
    accessToken: (claims = {}, header = {}) => sign(own.privateKey, claims, header),
    forgedToken: (claims = {}) => sign(foreign.privateKey, claims, {}),
  };
}
