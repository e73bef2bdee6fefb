import { createHash } from 'node:crypto';
import { BadRequest } from '../../common/errors.ts';

/** Anything secret that a user keeps here, or that something is to know them by: a key pair, a seed for one-time passwords … */
export interface Credential {
  id: string;
  userId: string;
  projectId: string | null;
  /** `ec2` and `totp` mean something here; the others are the user's own. */
  type: string;
  /** As it was given; JSON for `ec2`. */
  blob: string;
  /** Through what it was made, and so what it is good for. */
  applicationCredentialId: string | null;
  trustId: string | null;
}

/** The blob of a credential of type `ec2`. */
export interface KeyPair {
  access: string;
  secret: string;
  trust_id?: string | null;
  app_cred_id?: string | null;
  access_token_id?: string | null;
}

/** What a key pair was made through is in its blob, and never changes: keystone's words. */
const bonds = ['trust_id', 'app_cred_id', 'access_token_id'] as const;

/** Throws `BadRequest` unless it is a JSON object with an access key and a secret. */
export function parseKeyPair(blob: string): KeyPair {
  let parsed: unknown;
  try {
    parsed = JSON.parse(blob);
  } catch (error) {
    throw new BadRequest('Invalid blob in credential: that of an ec2 credential is a JSON object.', { cause: error });
  }
  const { access, secret, ...rest } = (parsed ?? {}) as Record<string, unknown>;
  if (typeof access !== 'string' || typeof secret !== 'string' || access === '' || secret === '')
    throw new BadRequest('Invalid blob in credential: that of an ec2 credential has an access and a secret.');
  for (const bond of bonds)
    if (rest[bond] != null && typeof rest[bond] !== 'string')
      throw new BadRequest(`Invalid blob in credential: ${bond}.`);
  return { access, secret, ...rest };
}

/** Throws `BadRequest` where a changed blob would make the key pair good for something else. */
export function refuseOtherBonds(before: string, after: string): void {
  const [old, changed] = [parseKeyPair(before), parseKeyPair(after)];
  for (const bond of bonds)
    if ((old[bond] ?? null) !== (changed[bond] ?? null))
      throw new BadRequest(`${bond} can not be updated for credential.`);
}

/** By which a key pair is found: its access key is not kept where anybody could read it. */
export function idOfAccessKey(access: string): string {
  return createHash('sha256').update(access).digest('hex');
}
