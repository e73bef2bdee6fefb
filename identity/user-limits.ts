import type { Config } from '../common/config/config.ts';
import type { Knex } from '../common/database/database.ts';
import { Forbidden } from '../common/errors.ts';

/** The most of each that one user keeps; 0: any number. What is kept is read at logins, so nobody makes it much. */
export interface UserLimits {
  applicationCredentials: number;
  accessRules: number;
  accessRulesOfCredential: number;
  /** All but key pairs. */
  credentials: number;
  totpSecrets: number;
  keyPairs: number;
  /** Given, not received. */
  trusts: number;
}

export function userLimitsOf(config: Config): UserLimits {
  return {
    applicationCredentials: config.applicationCredentialsPerUser,
    accessRules: config.accessRulesPerUser,
    accessRulesOfCredential: config.accessRulesPerApplicationCredential,
    credentials: config.credentialsPerUser,
    totpSecrets: config.totpSecretsPerUser,
    keyPairs: config.ec2CredentialsPerUser,
    trusts: config.trustsPerUser,
  };
}

/**
 * Lets only one transaction at a time add to what these users keep, so that it can be counted. To be called first, before
 * anything else is locked. Not a lock of the users' rows: who deletes their default project changes those, holding the project.
 */
export async function holdKeepers(trx: Knex, userIds: string[]): Promise<void> {
  for (const id of [...new Set(userIds)].toSorted())
    await trx.raw("select pg_advisory_xact_lock(hashtextextended('kept by ' || ?, 0))", [id]);
}

/** Counts what is there after an addition, under `holdKeepers`. Throws `Forbidden`, which takes the addition back. */
export async function refuseAbove(limit: number, kept: Knex.QueryBuilder, what: string): Promise<void> {
  if (limit === 0) return;
  const [row] = await kept.count({ count: '*' });
  refuseMany(limit, Number(row?.count), what);
}

/** Throws `Forbidden` as keystone does at its `user_limit`. */
export function refuseMany(limit: number, count: number, what: string): void {
  if (limit > 0 && count > limit)
    throw new Forbidden(`Unable to create additional ${what}: no more than ${limit} are allowed.`);
}
