import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { Secret } from '../../common/secret.ts';
import { lenient, type SecurityCompliance } from '../security-compliance/compliance.ts';
import { refused } from '../tokens/deps.ts';
import { type Revocations, revoke } from '../tokens/revocations.ts';
import { checkPassword, forgiveUser, isInactive, type Login, type LoginDeps } from './login.ts';
import { hashPassword, verifyPassword } from './password.ts';

/** The words of refusals are keystone's where clients and dashboards show them to who chooses a password (keystone/exception.py). */
const refusals = {
  locked:
    'You cannot change your password at this time due to password policy disallowing password changes. Please contact your administrator to reset your password.',
  requirements: (description: string) => `The password does not match the requirements: ${description}.`,
  former: (count: number) =>
    `The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${count}.`,
  age: (days: number, left: number) =>
    `You cannot change your password at this time due to the minimum password age. Once you change your password, it must be used for ${days} day(s) before it can be changed. Please try again in ${left} day(s) or contact your administrator to reset your password.`,
};

/** Throws `BadRequest` for a password that is not as the operator wants them; administrators' are no exception, as in keystone. */
export async function hashNewPassword(
  { pattern, patternDescription }: SecurityCompliance,
  password: Secret,
): Promise<string> {
  if (pattern && !pattern(password.reveal())) throw new BadRequest(refusals.requirements(patternDescription));
  return hashPassword(password);
}

/**
 * Gives a user another password, or with null takes it away; the one before goes where it can be told from new ones. Lets
 * the caller revoke tokens. `options` are the user's own exemptions.
 */
export async function storePassword(
  trx: Knex,
  { uniquePasswords, passwordDays, changeUponFirstUse }: SecurityCompliance,
  { id, options }: { id: string; options: Readonly<Record<string, unknown>> },
  { hash, isOwn }: { hash: string | null; isOwn: boolean },
): Promise<void> {
  const kept = Math.max(0, uniquePasswords - 1); // the present one is in users
  await trx.raw(
    `insert into former_passwords (user_id, password_hash)
       select id, password_hash from users where id = ? and password_hash is not null and ?::int > 0`,
    [id, kept],
  );
  await trx.raw(
    `delete from former_passwords where user_id = :id and id not in
       (select id from former_passwords where user_id = :id order by id desc limit :kept)`,
    { id, kept },
  );
  const expiresNow = changeUponFirstUse && !isOwn && options.ignore_change_password_upon_first_use !== true;
  const expiresLater = passwordDays > 0 && options.ignore_password_expiry !== true;
  const expiry = expiresNow
    ? trx.fn.now()
    : expiresLater
      ? trx.raw(`date_trunc('second', now() + make_interval(days => ?))`, [passwordDays])
      : null;
  await trx('users')
    .where({ id })
    .update({
      password_hash: hash,
      password_changed_at: trx.fn.now(),
      password_expires_at: hash === null ? null : expiry,
      password_is_own: isOwn,
    });
}

export interface OwnChangeDeps extends LoginDeps {
  revocations: Pick<Revocations, 'refresh'>;
  tokenSeconds: number;
}

/**
 * A user's own change; who knows the old password may, also when it has expired. Every token of the user ends.
 * @throws Unauthorized as a login does, TooManyRequests, BadRequest for a password that may not be, or not yet
 */
export async function changeOwnPassword(
  deps: OwnChangeDeps,
  id: string,
  { original, next, address }: { original: string; next: string; address: string },
): Promise<void> {
  const { db, compliance, tokenSeconds } = deps;
  const login = await checkPassword(deps, { user: { id }, password: original, address });
  if (isInactive(login, compliance) || !(await isEnabled(db, id))) throw refused('user disabled');
  const password = new Secret(next);
  checkMayChoose(login, compliance);
  const hash = await hashNewPassword(compliance, password);
  await checkIsNew(db, compliance, { login, original, password });
  await db.transaction(async (trx) => {
    const user = await trx('users').where({ id, password_hash: login.passwordHash }).forUpdate().first('id', 'options');
    if (!user) throw refused('the password was changed meanwhile');
    await storePassword(trx, compliance, user, { hash, isOwn: true });
    await revoke(trx, `user:${id}`, tokenSeconds);
  });
  await deps.revocations.refresh();
}

function checkMayChoose(login: Login, { minimumPasswordDays }: SecurityCompliance): void {
  if (login.options.lock_password === true) throw new BadRequest(refusals.locked);
  const daysLeft = minimumPasswordDays - login.passwordAgeDays;
  if (login.passwordIsOwn && daysLeft > 0)
    throw new BadRequest(refusals.age(minimumPasswordDays, Math.floor(daysLeft)));
}

/** Only the user's own choice is checked against those before: what an administrator resets may be what it was. */
async function checkIsNew(
  db: Knex,
  { uniquePasswords }: SecurityCompliance,
  { login, original, password }: { login: Login; original: string; password: Secret },
): Promise<void> {
  if (uniquePasswords === 0) return;
  const former = await db('former_passwords')
    .where({ user_id: login.userId })
    .orderBy('id', 'desc')
    .pluck('password_hash');
  let isKnown = password.equals(original);
  for (const hash of former.slice(0, uniquePasswords - 1)) isKnown ||= await verifyPassword(password, hash);
  if (isKnown) throw new BadRequest(refusals.former(uniquePasswords));
}

async function isEnabled(db: Knex, id: string): Promise<boolean> {
  const { rowCount } = await db.raw(
    'select 1 from users u join domains d on d.id = u.domain_id where u.id = ? and u.enabled and d.enabled',
    [id],
  );
  return rowCount > 0;
}

/** What an operator does for somebody who cannot get in: no demands, no lock; every token ends. To be called last in a transaction. */
export async function resetPassword(
  trx: Knex,
  user: { id: string; options: Readonly<Record<string, unknown>> },
  { hash, tokenSeconds }: { hash: string; tokenSeconds: number },
): Promise<void> {
  await storePassword(trx, lenient, user, { hash, isOwn: false });
  await forgiveUser(trx, user.id);
  await revoke(trx, `user:${user.id}`, tokenSeconds);
}
