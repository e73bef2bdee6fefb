import { given, type Knex, violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { Secret } from '../../common/secret.ts';
import { pageOf } from '../api/listing.ts';
import { seal, unseal } from '../sealing.ts';
import type { TotpSecret } from '../tokens/methods/totp.ts';
import type { Credential } from './credential.ts';

/** What the blobs of credentials are opened with. */
export interface Vault {
  db: Knex;
  master: Secret;
}

interface Row {
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  sealed_blob: string;
  application_credential_id: string | null;
  trust_id: string | null;
}

function fromRow(row: Row, master: Secret): Credential {
  return {
    id: row.id,
    userId: row.user_id,
    projectId: row.project_id,
    type: row.type,
    blob: unseal(row.sealed_blob, master, 'credentials'),
    applicationCredentialId: row.application_credential_id,
    trustId: row.trust_id,
  };
}

/** Throws `Conflict` for an access key that is taken, `NotFound` when the user or project is not there. */
export async function insertCredential({ db, master }: Vault, credential: Credential): Promise<void> {
  try {
    await db('credentials').insert({
      id: credential.id,
      user_id: credential.userId,
      project_id: credential.projectId,
      type: credential.type,
      sealed_blob: seal(credential.blob, master, 'credentials'),
      application_credential_id: credential.applicationCredentialId,
      trust_id: credential.trustId,
    });
  } catch (error) {
    throw named(error, credential);
  }
}

export async function updateCredential(
  { db, master }: Vault,
  id: string,
  changes: Partial<Pick<Credential, 'userId' | 'projectId' | 'type' | 'blob'>>,
): Promise<Credential> {
  const { userId, projectId, type, blob } = changes;
  const sealed = blob === undefined ? undefined : seal(blob, master, 'credentials');
  const columns = given({ user_id: userId, project_id: projectId, type, sealed_blob: sealed });
  try {
    if (Object.keys(columns).length > 0) await db('credentials').where({ id }).update(columns);
  } catch (error) {
    throw named(error, { userId: userId ?? '', projectId: projectId ?? null });
  }
  const found = await findCredential({ db, master }, id);
  if (found === undefined) throw new NotFound('credential', id);
  return found;
}

function named(error: unknown, { userId, projectId }: Pick<Credential, 'userId' | 'projectId'>): unknown {
  switch (violatedConstraint(error)) {
    case 'credentials_pkey':
      return new Conflict('Conflict occurred attempting to store credential - Duplicate entry.', { cause: error });
    case 'credentials_user_id_foreign':
      return new NotFound('user', userId, { cause: error });
    case 'credentials_project_id_foreign':
      return new NotFound('project', projectId ?? '', { cause: error });
    default:
      return error;
  }
}

export async function findCredential({ db, master }: Vault, id: string): Promise<Credential | undefined> {
  const row: Row | undefined = await db('credentials').where({ id }).first();
  return row && fromRow(row, master);
}

/** Whose it is, without opening it. */
export async function findOwner(db: Knex, id: string): Promise<string | undefined> {
  return (await db('credentials').where({ id }).first('user_id'))?.user_id;
}

export interface CredentialFilter {
  userId?: string | undefined;
  type?: string | undefined;
  /** Only what was made through it. */
  applicationCredentialId?: string | undefined;
  trustId?: string | undefined;
}

export async function listCredentials(
  { db, master }: Vault,
  { userId, type, applicationCredentialId, trustId }: CredentialFilter,
  page: PageRequest,
): Promise<{ credentials: Credential[]; more: boolean }> {
  const query = db('credentials').where(
    given({ user_id: userId, type, application_credential_id: applicationCredentialId, trust_id: trustId }),
  );
  const keys = [{ column: 'created_at', direction: 'asc' as const }];
  const { rows, more } = await pageOf<Row>(query.select('*'), page, keys);
  return { credentials: rows.map((row) => fromRow(row, master)), more };
}

export async function removeCredential(db: Knex, id: string): Promise<void> {
  const removed = await db('credentials').where({ id }).delete();
  if (removed === 0) throw new NotFound('credential', id);
}

/** The seeds of a user's one-time passwords, as they were given: base32 (RFC 6238). */
export async function listTotpSecrets({ db, master }: Vault, userId: string): Promise<TotpSecret[]> {
  const rows: Row[] = await db('credentials').where({ user_id: userId, type: 'totp' }).orderBy('id');
  return rows.map((row) => ({
    credentialId: row.id,
    secret: new Secret(unseal(row.sealed_blob, master, 'credentials')),
  }));
}
