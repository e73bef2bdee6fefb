import { type Knex, preparedQuery } from '../../common/database/database.ts';
import { Secret } from '../../common/secret.ts';
import type { Attempt, LoginAttempts } from '../security-compliance/attempts.ts';
import type { SecurityCompliance } from '../security-compliance/compliance.ts';
import { refused } from '../tokens/deps.ts';
import { verifyPassword } from './password.ts';

export interface LoginDeps {
  db: Knex;
  compliance: SecurityCompliance;
  attempts: LoginAttempts;
}

/** A user as a request names them: by id, or by name in a domain. */
export interface UserReference {
  id?: string;
  name?: string;
  domain?: { id?: string; name?: string };
}

/** What decides whether somebody may log in, besides their proof. */
export interface LoginState {
  options: Record<string, unknown>;
  /** Failed logins since the last that succeeded. */
  failures: number;
  secondsSinceFailure: number | null;
  /** Days since the last login; since the user was made, if there was none. */
  daysInactive: number;
  wasActiveToday: boolean;
}

export interface Login extends LoginState {
  userId: string;
  passwordHash: string | null;
  passwordIsOwn: boolean;
  /** By the database's clock. */
  passwordAgeDays: number;
  /** Seconds since 1970, by the database's clock. */
  nowSeconds: number;
}

/** For a statement on `users u left join user_logins l on l.user_id = u.id`; see `loginStateOf`. */
export const loginColumns = `coalesce(l.failures, 0) as failures,
  extract(epoch from clock_timestamp() - l.last_failure_at)::float8 as seconds_since_failure,
  (now() at time zone 'utc')::date - coalesce(l.last_active_on, (u.created_at at time zone 'utc')::date) as days_inactive,
  coalesce(l.last_active_on = (now() at time zone 'utc')::date, false) as was_active_today`;

export interface LoginRow {
  options: Record<string, unknown>;
  failures: number;
  seconds_since_failure: number | null;
  days_inactive: number;
  was_active_today: boolean;
}

export function loginStateOf(row: LoginRow): LoginState {
  return {
    options: row.options,
    failures: row.failures,
    secondsSinceFailure: row.seconds_since_failure,
    daysInactive: row.days_inactive,
    wasActiveToday: row.was_active_today,
  };
}

/** Too many failures, and not long enough ago. */
export function isLocked(
  { options, failures, secondsSinceFailure }: LoginState,
  { lockoutFailures, lockoutSeconds }: SecurityCompliance,
): boolean {
  if (lockoutFailures === 0 || options.ignore_lockout_failure_attempts === true) return false;
  return failures >= lockoutFailures && (lockoutSeconds === 0 || (secondsSinceFailure ?? 0) < lockoutSeconds);
}

/** Away for too long: as good as disabled. */
export function isInactive({ options, daysInactive }: LoginState, { inactiveDays }: SecurityCompliance): boolean {
  return inactiveDays > 0 && daysInactive >= inactiveDays && options.ignore_user_inactivity !== true;
}

/** Undefined when there is no such user; that a user or domain is disabled is for `readAccess` to find. */
export async function findLogin(db: Knex, { id, name = '', domain = {} }: UserReference): Promise<Login | undefined> {
  const [form, by] =
    id !== undefined
      ? ['id', 'u.id = :id']
      : domain.id !== undefined
        ? ['name and domain id', 'u.name = :name and not u.is_shadow and d.id = :inDomain']
        : ['name and domain name', 'u.name = :name and not u.is_shadow and d.name = :inDomain'];
  const { rows } = await preparedQuery(
    db,
    `login by ${form}`,
    `select u.id, u.options, u.password_hash, u.password_is_own, ${loginColumns},
       coalesce(extract(epoch from now() - u.password_changed_at) / 86400, 0)::float8 as password_age_days,
       extract(epoch from clock_timestamp())::float8 as now_seconds
     from users u join domains d on d.id = u.domain_id left join user_logins l on l.user_id = u.id
     where ${by}`,
    { id, name, inDomain: domain.id ?? domain.name ?? '' },
  );
  const [row] = rows;
  return (
    row && {
      ...loginStateOf(row),
      userId: row.id,
      passwordHash: row.password_hash,
      passwordIsOwn: row.password_is_own,
      passwordAgeDays: row.password_age_days,
      nowSeconds: row.now_seconds,
    }
  );
}

/** Only what says who it is: what a request says besides would make another account of the same user. */
export function attemptOf({ id, name, domain }: UserReference, address: string): Attempt {
  const inDomain = domain?.id !== undefined ? [domain.id] : [null, domain?.name ?? null];
  return { account: JSON.stringify(id !== undefined ? [id] : [name, ...inDomain]), address };
}

/**
 * Whose password it is. An unknown user, a wrong password and a locked user cost the same work and get the same answer.
 * @throws Unauthorized, TooManyRequests
 */
export async function checkPassword(
  deps: LoginDeps,
  { user, password, address }: { user: UserReference; password: string; address: string },
): Promise<Login & { passwordHash: string }> {
  const words = attemptOf(user, address);
  deps.attempts.check(words);
  const login = await findLogin(deps.db, user);
  const attempt = { ...words, subject: login?.userId };
  // Asked again when it is its turn: of many that wait at once, those after the last allowed failure are not looked at.
  const mayStart = () => deps.attempts.check(attempt);
  const matches = await verifyPassword(new Secret(password), login?.passwordHash ?? null, mayStart);
  const isKept = login && (isLocked(login, deps.compliance) || deps.attempts.isBarred(attempt));
  if (!login || login.passwordHash === null || !matches || isKept)
    throw await failed(deps, attempt, matches ? undefined : login);
  deps.attempts.succeeded(attempt);
  return { ...login, passwordHash: login.passwordHash };
}

/** Counts a failed login, and gives what to answer. `login` undefined: there is nobody to count it for. */
export async function failed(
  { db, compliance, attempts }: LoginDeps,
  attempt: Attempt,
  login: Pick<Login, 'userId'> | undefined,
): Promise<Error> {
  attempts.failed(attempt);
  if (compliance.lockoutFailures > 0) await countFailure(db, login?.userId ?? '', compliance);
  return refused('login');
}

/**
 * Failures while locked do not count, so that the lock ends; the first after it is the first of new ones. For nobody (no
 * such id) it is the same statement, and nobody waits for the disk, whose time would tell who exists.
 */
async function countFailure(db: Knex, userId: string, { lockoutFailures, lockoutSeconds }: SecurityCompliance) {
  await db.raw(
    `with in_memory as (select set_config('synchronous_commit', 'off', true))
     insert into user_logins as l (user_id, failures, last_failure_at)
       select id, 1, clock_timestamp() from users, in_memory where id = :userId
     on conflict (user_id) do update
       set failures = case when l.failures >= :lockoutFailures then 1 else l.failures + 1 end,
           last_failure_at = clock_timestamp()
       where l.failures < :lockoutFailures
         or (:lockoutSeconds > 0 and l.last_failure_at < clock_timestamp() - make_interval(secs => :lockoutSeconds))`,
    { userId, lockoutFailures, lockoutSeconds },
  );
}

/** Who got in is active, and their failures are forgotten if they proved it by what could fail. Mostly there is nothing to write. */
export async function recordLogin(
  db: Knex,
  userId: string,
  { failures, wasActiveToday }: LoginState,
  { forgivesFailures }: { forgivesFailures: boolean },
): Promise<void> {
  if (wasActiveToday && (failures === 0 || !forgivesFailures)) return;
  await preparedQuery(
    db,
    'record login',
    `insert into user_logins as l (user_id, last_active_on)
       select id, (now() at time zone 'utc')::date from users where id = :userId
     on conflict (user_id) do update
       set last_active_on = excluded.last_active_on, failures = case when :forgivesFailures::boolean then 0 else l.failures end`,
    { userId, forgivesFailures },
  );
}

/** What an administrator does by enabling a user: failures are forgotten, and inactivity is counted from now. */
export async function forgiveUser(db: Knex, userId: string): Promise<void> {
  await recordLogin(
    db,
    userId,
    { options: {}, failures: 1, secondsSinceFailure: 0, daysInactive: 0, wasActiveToday: false },
    { forgivesFailures: true },
  );
}
