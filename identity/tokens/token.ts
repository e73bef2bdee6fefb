import { randomBytes } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { Unauthorized } from '../../common/errors.ts';
import type { SigningKey } from './keys.ts';

/** What a token says, all of it ids: names are looked up when somebody asks for them, so a renamed user is never shown by an old name. */
export interface Token {
  userId: string;
  userDomainId: string;
  scope: TokenScope;
  roles: string[];
  methods: string[];
  auditIds: string[];
  /** Microseconds since 1970, by the database's clock: revocations are told from later tokens by it. */
  issuedAtUs: number;
  expiresAt: Date;
}

export type TokenScope = { type: 'project' | 'domain'; id: string } | { type: 'system' } | { type: 'unscoped' };

const algorithm = 'EdDSA';

/** A JWS of compact form (RFC 7515) signed with Ed25519 (RFC 8037), as Keystone's own JWS provider does with ES256. */
export async function signToken(token: Token, key: SigningKey): Promise<string> {
  return new SignJWT({
    dom: token.userDomainId,
    scp: token.scope.type,
    ...('id' in token.scope && { sid: token.scope.id }),
    rol: token.roles,
    met: token.methods,
    aud_ids: token.auditIds,
    ius: token.issuedAtUs,
  })
    .setProtectedHeader({ alg: algorithm, kid: key.id })
    .setSubject(token.userId)
    .setExpirationTime(Math.floor(token.expiresAt.getTime() / 1000))
    .sign(key.privateKey);
}

/** Throws `Unauthorized` on anything but a token of ours that has not expired: another algorithm, key, form or content. */
export async function verifyToken(
  text: string,
  keys: readonly SigningKey[],
  { allowExpired = false }: { allowExpired?: boolean } = {},
): Promise<Token> {
  try {
    const { payload } = await jwtVerify(
      text,
      ({ kid }) => {
        const key = keys.find((candidate) => candidate.id === kid);
        if (key === undefined) throw new Error('unknown key');
        return key.publicKey;
      },
      { algorithms: [algorithm], requiredClaims: ['sub', 'exp'], ...(allowExpired && { currentDate: new Date(0) }) },
    );
    const { scp, sid } = payload as { scp: string; sid: string };
    return {
      userId: payload.sub as string,
      userDomainId: payload.dom as string,
      scope: scp === 'project' || scp === 'domain' ? { type: scp, id: sid } : { type: scp as 'system' | 'unscoped' },
      roles: payload.rol as string[],
      methods: payload.met as string[],
      auditIds: payload.aud_ids as string[],
      issuedAtUs: payload.ius as number,
      expiresAt: new Date((payload.exp as number) * 1000),
    };
  } catch (error) {
    throw new Unauthorized('The request you have made requires authentication.', { cause: error });
  }
}

/** As Keystone forms them: 16 random bytes, base64url without padding. */
export function newAuditId(): string {
  return randomBytes(16).toString('base64url');
}
