/**
 * What a registry client shows with each request: signed, good for minutes, and for nothing but the registry. It says what
 * was asked for and granted, and by which rights; those are looked at again whenever it is used.
 */
import { jwtVerify, SignJWT } from 'jose';
import { Unauthorized } from '../../../common/errors.ts';
import type { SigningKey, SigningKeys } from '../../../identity/tokens/keys.ts';
import type { Token } from '../../../identity/tokens/token.ts';

/** What a client asks for, by the words of https://distribution.github.io/distribution/spec/auth/scope/ */
export const actions = ['pull', 'push', 'delete'] as const;
export type Action = (typeof actions)[number];

/** Everything granted by one set of rights. */
export interface Grant {
  /** Whose rights these are and on which project, as an identity token would say it. */
  rights: Token;
  repositories: { name: string; projectId: string; actions: Action[] }[];
  /** May list repositories. */
  catalog: boolean;
}

/** Docker asks for another one as soon as it needs it. */
export const registryTokenSeconds = 300;

const [algorithm, type] = ['EdDSA', 'registry'];

export async function signRegistryToken(
  grants: Grant[],
  now: Date,
  key: SigningKey,
): Promise<{ text: string; expiresAt: Date }> {
  const usual = now.getTime() + registryTokenSeconds * 1000;
  // No longer than what it was made of.
  const expiresAt = new Date(Math.min(usual, ...grants.map(({ rights }) => rights.expiresAt.getTime())));
  const text = await new SignJWT({ grants: grants.map(written), exp: Math.floor(expiresAt.getTime() / 1000) })
    .setProtectedHeader({ alg: algorithm, kid: key.id, typ: type })
    .sign(key.privateKey);
  return { text, expiresAt };
}

/** Throws `Unauthorized` on anything but a token of the registry that has not expired; an identity token is none. */
export async function verifyRegistryToken(text: string, keys: Pick<SigningKeys, 'find'>): Promise<Grant[]> {
  try {
    const { payload } = await jwtVerify(
      text,
      async ({ kid }) => {
        const key = await keys.find(kid ?? '');
        if (key === undefined) throw new Error('unknown key');
        return key.publicKey;
      },
      { algorithms: [algorithm], typ: type, requiredClaims: ['exp', 'grants'] },
    );
    return (payload.grants as Written[]).map(read);
  } catch (error) {
    throw new Unauthorized('The token of the registry is not valid (any more).', { cause: error });
  }
}

type Written = Omit<Grant, 'rights'> & { rights: Omit<Token, 'expiresAt'> & { expiresAt: number } };

const written = ({ rights, ...rest }: Grant): Written => ({
  ...rest,
  rights: { ...rights, expiresAt: rights.expiresAt.getTime() },
});

const read = ({ rights, ...rest }: Written): Grant => ({
  ...rest,
  rights: { ...rights, expiresAt: new Date(rights.expiresAt) },
});
