import type { Knex } from '../../common/database/database.ts';
import { type Notifications, notify } from '../../common/database/notifications.ts';
import type { Token } from './token.ts';

/**
 * What ends tokens before their time: every token about the subject issued up to now. Subjects are `user:ID` (disabled,
 * deleted, password changed), `project:ID`, `domain:ID`, `grant:USER:SCOPE` (a role taken away) and `audit:ID` (one token,
 * or a token and all that it was exchanged for).
 */
export type Subject = `${'user' | 'project' | 'domain' | 'audit'}:${string}` | `grant:${string}:${string}`;

const topic = 'revocations';

const issuing = 'issuing and revoking tokens';

/** Until the transaction ends, revocations wait: what a token is made from cannot be taken away while it is made. */
export async function holdOffRevocations(trx: Knex): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock_shared(hashtext(?))', [issuing]);
}

/** Ends tokens, once the transaction commits. `tokenSeconds` is the longest that any of them could still have lived. */
export async function revoke(db: Knex, subject: Subject, tokenSeconds: number): Promise<void> {
  await db.raw('select pg_advisory_xact_lock(hashtext(?))', [issuing]);
  // Expired ones go on the way; those that another transaction is removing are left to it, or the two could deadlock.
  await db.raw(
    `with expired as (
       delete from token_revocations where id in
         (select id from token_revocations where expires_at < now() for update skip locked)
     )
     insert into token_revocations (subject, revoked_before_us, expires_at)
     values (?, extract(epoch from clock_timestamp()) * 1000000, now() + make_interval(secs => ?))`,
    [subject, tokenSeconds + 60],
  );
  await notify(db, topic, subject);
}

export interface Revocations {
  /** Whether something that happened after the token was issued ended it. */
  isRevoked(token: Token): Promise<boolean>;
  /** Reads the database now; for the process that has just revoked, so that its next request already knows. */
  refresh(): Promise<void>;
  stop(): void;
}

/** A copy in memory of what was revoked, kept fresh by notification. While those are cut off, each check asks the database. */
export async function watchRevocations(db: Knex, notifications: Notifications): Promise<Revocations> {
  let revokedBefore = new Map<string, number>();
  let running = Promise.resolve();
  let queued: Promise<void> | undefined;

  const load = async () => {
    const rows = await db('token_revocations')
      .where('expires_at', '>', db.fn.now())
      .groupBy('subject')
      .select('subject')
      .max('revoked_before_us as before');
    revokedBefore = new Map(rows.map((row) => [row.subject as string, Number(row.before)]));
  };
  /** Never answers with a copy that was begun before the call. */
  const refresh = (): Promise<void> => {
    queued ??= running
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        running = load();
        return running;
      });
    return queued;
  };
  // Before the first look: what is revoked during it is heard of, and looked for again.
  const unsubscribe = notifications.subscribe(topic, () => void refresh().catch(() => undefined));
  try {
    await refresh();
  } catch (error) {
    unsubscribe();
    throw error;
  }
  return {
    async isRevoked(token) {
      if (!notifications.connected()) await refresh();
      // An audit id is one token's for ever: what was bought with it falls too, however late it was issued.
      return subjectsOf(token).some((subject) => {
        const before = revokedBefore.get(subject);
        return before !== undefined && (subject.startsWith('audit:') || before >= token.issuedAtUs);
      });
    },
    refresh,
    stop: unsubscribe,
  };
}

function subjectsOf(token: Token): Subject[] {
  const { scope, userId } = token;
  const subjects: Subject[] = [`user:${userId}`, `domain:${token.userDomainId}`];
  for (const id of token.auditIds) subjects.push(`audit:${id}`);
  if (scope.type === 'system') subjects.push(`grant:${userId}:system`);
  if ('id' in scope) subjects.push(`${scope.type}:${scope.id}`, `grant:${userId}:${scope.id}`);
  return subjects;
}
