import { randomBytes } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { Unauthorized } from '../../common/errors.ts';
import type { SigningKey, SigningKeys } from './keys.ts';

/** What a token says, all of it ids: names are looked up when somebody asks for them, so a renamed user is never shown by an old name. */
export interface Token {
  userId: string;
  userDomainId: string;
  scope: TokenScope;
  roles: string[];
  methods: string[];
  auditIds: string[];
  /** How many revocations were known in the snapshot that it was made from: a later one about it ends it. */
  epoch: number;
  /** Microseconds since 1970, by the database's clock. */
  issuedAtUs: number;
  expiresAt: Date;
  delegation: TokenDelegation | null;
  /** For who logged in elsewhere: where, and the groups that this login puts them in. */
  federation: TokenFederation | null;
}

export type TokenScope = { type: 'project' | 'domain'; id: string } | { type: 'system' } | { type: 'unscoped' };

export type TokenDelegation =
  | { type: 'application_credential'; id: string; restricted: boolean; hasAccessRules: boolean }
  | {
      type: 'trust';
      id: string;
      trustorId: string;
      trusteeId: string;
      impersonation: boolean;
      /** Everybody through whose hands it came, each of whom can end it: first whose roles they are, at last the trustee. */
      agentIds: string[];
    }
  | { type: 'oauth1'; id: string; consumerId: string };

export interface TokenFederation {
  identityProviderId: string;
  protocolId: string;
  groupIds: string[];
  /** The identity provider only vouched that it is a user of here: that ends with it, and is shown to nobody. */
  isLocal?: boolean;
}

/** What a signed text is for; one kind is never taken for another. */
type Kind = 'token' | 'receipt';

const algorithm = 'EdDSA';

/** For how long an expired token can be asked about, by services that finish what was begun with it (keystone's `allow_expired_window`). */
export const allowExpiredSeconds = 48 * 3600;

const refused = (cause: unknown) => new Unauthorized('The request you have made requires authentication.', { cause });

/** A JWS of compact form (RFC 7515) signed with Ed25519 (RFC 8037), as Keystone's own JWS provider does with ES256. */
export async function signToken(token: Token, key: SigningKey): Promise<string> {
  const { delegation, federation, scope } = token;
  return sign(
    'token',
    {
      sub: token.userId,
      dom: token.userDomainId,
      scp: scope.type,
      ...('id' in scope && { sid: scope.id }),
      rol: token.roles,
      met: token.methods,
      aud_ids: token.auditIds,
      epo: token.epoch,
      ius: token.issuedAtUs,
      exp: Math.floor(token.expiresAt.getTime() / 1000),
      ...(delegation && { del: delegation }),
      ...(federation && { fed: federation }),
    },
    key,
  );
}

/** Throws `Unauthorized` on anything but a token of ours that has not expired: another algorithm, key, form or content. */
export async function verifyToken(
  text: string,
  keys: Pick<SigningKeys, 'find'>,
  { allowExpired = false }: { allowExpired?: boolean } = {},
): Promise<Token> {
  const payload = await verify('token', text, keys, allowExpired);
  const { scp, sid } = payload as { scp: string; sid: string };
  return {
    userId: payload.sub as string,
    userDomainId: payload.dom as string,
    scope: scp === 'project' || scp === 'domain' ? { type: scp, id: sid } : { type: scp as 'system' | 'unscoped' },
    roles: payload.rol as string[],
    methods: payload.met as string[],
    auditIds: payload.aud_ids as string[],
    epoch: payload.epo as number,
    issuedAtUs: payload.ius as number,
    expiresAt: new Date((payload.exp as number) * 1000),
    delegation: (payload.del as TokenDelegation | undefined) ?? null,
    federation: (payload.fed as TokenFederation | undefined) ?? null,
  };
}

/** What somebody has proven so far, when their account asks for more methods; handed back with the next attempt. */
export interface Receipt {
  userId: string;
  methods: string[];
  epoch: number;
  issuedAt: Date;
  expiresAt: Date;
  /** Where it was proven, when elsewhere: what is made of the receipt ends with that. */
  federation: TokenFederation | null;
}

/** Signs a receipt in the same form as a token, so that any process can go on with it. */
export async function signReceipt(receipt: Receipt, key: SigningKey) {
  const { userId, methods, epoch, issuedAt, expiresAt, federation } = receipt;
  return sign(
    'receipt',
    {
      sub: userId,
      met: methods,
      epo: epoch,
      iat: Math.floor(issuedAt.getTime() / 1000),
      exp: Math.floor(expiresAt.getTime() / 1000),
      ...(federation && { fed: federation }),
    },
    key,
  );
}

/** Throws `Unauthorized`, as `verifyToken` does. */
export async function verifyReceipt(text: string, keys: Pick<SigningKeys, 'find'>): Promise<Receipt> {
  const payload = await verify('receipt', text, keys, false);
  return {
    userId: payload.sub as string,
    methods: payload.met as string[],
    epoch: payload.epo as number,
    issuedAt: new Date((payload.iat as number) * 1000),
    expiresAt: new Date((payload.exp as number) * 1000),
    federation: (payload.fed as TokenFederation | undefined) ?? null,
  };
}

/** As Keystone forms them: 16 random bytes, base64url without padding. */
export function newAuditId(): string {
  return randomBytes(16).toString('base64url');
}

function sign(kind: Kind, claims: JWTPayload, key: SigningKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: key.id, typ: kind }).sign(key.privateKey);
}

async function verify(
  kind: Kind,
  text: string,
  keys: Pick<SigningKeys, 'find'>,
  allowExpired: boolean,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(
      text,
      async ({ kid }) => {
        const key = await keys.find(kid ?? '');
        if (key === undefined) throw new Error('unknown key');
        return key.publicKey;
      },
      {
        algorithms: [algorithm],
        typ: kind,
        requiredClaims: ['sub', 'exp', 'epo'],
        ...(allowExpired && { clockTolerance: allowExpiredSeconds }),
      },
    );
    return payload;
  } catch (error) {
    throw refused(error);
  }
}
