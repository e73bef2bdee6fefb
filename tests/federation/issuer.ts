import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
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
  /** Lets somebody in who was sent to this address, and gives the code that the browser comes back with. */
  letIn(location: string, claims?: { access?: Record<string, unknown>; id?: Record<string, unknown> }): string;
  /** The same as `accessToken`, signed with a key that is not the issuer's but says so. */
  forgedToken(claims?: Record<string, unknown>): Promise<string>;
}

export const clientId = 'cirrostack';

/** Starts an issuer that ends with the test. */
export async function startTestIssuer(t: ExecutionContext): Promise<TestIssuer> {
  const own = await generateKeyPair('RS256');
  const foreign = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(own.publicKey)), kid: 'the-key', use: 'sig', alg: 'RS256' };
  let asked = 0;
  const granted = new Map<string, { query: URLSearchParams; access: object; id: object }>();
  const server = createServer(async (request, response) => {
    if (request.method === 'POST' && request.url?.endsWith('/protocol/openid-connect/token')) {
      const answer = await exchange(new URLSearchParams(await text(request)));
      response.writeHead('error' in answer ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
      return;
    }
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
  const accessToken: TestIssuer['accessToken'] = (claims = {}, header = {}) => sign(own.privateKey, claims, header);
  /** As RFC 6749 and RFC 7636 have it: once, for who asked, and for who has the verifier. */
  const exchange = async (body: URLSearchParams) => {
    const grant = granted.get(body.get('code') ?? '');
    granted.delete(body.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      grant?.query.get('code_challenge') === challenge &&
      grant.query.get('redirect_uri') === body.get('redirect_uri') &&
      grant.query.get('client_id') === body.get('client_id') &&
      body.get('grant_type') === 'authorization_code';
    if (!isRight) return { error: 'invalid_grant' };
    const login = { typ: 'ID', aud: clientId, nonce: grant.query.get('nonce') };
    return {
      access_token: await accessToken({ ...grant.access }),
      id_token: await accessToken({ ...login, ...grant.id }),
      token_type: 'Bearer',
      expires_in: 300,
    };
  };
  return {
    issuer,
    letIn(location, { access = {}, id = {} } = {}) {
      const code = randomUUID();
      granted.set(code, { query: new URL(location).searchParams, access, id });
      return code;
    },
    accessToken,
    keyRequests: () => asked,
    forgedToken: (claims = {}) => sign(foreign.privateKey, claims, {}),
  };
}
