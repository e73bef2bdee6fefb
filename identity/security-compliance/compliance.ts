import type { Config } from '../../common/config/config.ts';
import { BadRequest } from '../../common/errors.ts';
import { compilePasswordPattern, type PasswordPattern } from './password-pattern.ts';

/** What is demanded of passwords and logins: keystone's `[security_compliance]`. Zero and null demand nothing. */
export interface SecurityCompliance {
  /** After so many failures in a row nobody gets in with a password or passcode. */
  lockoutFailures: number;
  /** For so long after the last of them; 0: until an administrator enables the user again. */
  lockoutSeconds: number;
  /** Who has not logged in for so many days is taken for disabled. */
  inactiveDays: number;
  /** How long a password may be used. */
  passwordDays: number;
  /** So many passwords in a row must differ, the new one counted. */
  uniquePasswords: number;
  /** How long users must keep a password that they chose. */
  minimumPasswordDays: number;
  pattern: PasswordPattern | null;
  /** The pattern as the operator wrote it; empty for none. */
  patternText: string;
  patternDescription: string;
  /** A password that an administrator set only serves for choosing another. */
  changeUponFirstUse: boolean;
  /** How many time steps before the current one a passcode may be of. */
  totpPreviousWindows: number;
}

/** Demands nothing; for what has no configuration, such as the first administrator of a cloud. */
export const lenient: SecurityCompliance = {
  lockoutFailures: 0,
  lockoutSeconds: 0,
  inactiveDays: 0,
  passwordDays: 0,
  uniquePasswords: 0,
  minimumPasswordDays: 0,
  pattern: null,
  patternText: '',
  patternDescription: '',
  changeUponFirstUse: false,
  totpPreviousWindows: 1,
};

/** @throws BadRequest for a regular expression that cannot be used, and for demands that cannot all be met. */
export function complianceOf(config: Config): SecurityCompliance {
  const { minimumPasswordAge, passwordExpiresDays, passwordRegex } = config;
  if (passwordExpiresDays > 0 && minimumPasswordAge >= passwordExpiresDays)
    throw new BadRequest('Setting minimumPasswordAge: must be less than passwordExpiresDays.');
  return {
    lockoutFailures: config.lockoutFailureAttempts,
    lockoutSeconds: config.lockoutDuration,
    inactiveDays: config.disableUserAccountDaysInactive,
    passwordDays: passwordExpiresDays,
    uniquePasswords: config.uniqueLastPasswordCount,
    minimumPasswordDays: minimumPasswordAge,
    pattern: passwordRegex === '' ? null : compilePasswordPattern(passwordRegex),
    patternText: passwordRegex,
    patternDescription: config.passwordRegexDescription,
    changeUponFirstUse: config.changePasswordUponFirstUse,
    totpPreviousWindows: config.totpIncludedPreviousWindows,
  };
}
