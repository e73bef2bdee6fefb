import type { Knex } from '../../common/database/database.ts';
import { type Notifications, notify } from '../../common/database/notifications.ts';
import type { Token } from './token.ts';

/**
 * What ends tokens before their time: every token about the subject made from what was known until now. Subjects are
 * `user:ID` (disabled, deleted, password changed), `project:ID`, `domain:ID`, `grant:USER:SCOPE` (a role taken away; SCOPE
 * is a project's or domain's id, or `system`), `group:ID` (one taken from a group, for those whom their login put in it),
 * `application_credential:ID`, `trust:ID`, `access_token:ID` (OAuth1), `identity_provider:ID`, and `audit:ID` (one token, or
 * a token and all that it was exchanged for).
 */
export type Subject =
  | `${'user' | 'group' | 'project' | 'domain' | 'audit'}:${string}`
  | `${'application_credential' | 'trust' | 'access_token' | 'identity_provider'}:${string}`
  | `grant:${string}:${string}`;

const topic = 'revocations';

/**
 * Ends tokens, once the transaction commits. `tokenSeconds` is the longest that any of them could still have lived.
 *
 * Revocations are counted, and a token says how far the count was in the very snapshot that it was made from: one made
 * from what was there before is told from one made after, whatever the clocks say, and nobody who logs in waits for anybody
 * who revokes. The count's row keeps revokers in the order in which they commit; so it is best called last.
 */
export async function revoke(trx: Knex, subject: Subject | Subject[], tokenSeconds: number): Promise<void> {
  const subjects = [subject].flat();
  if (subjects.length === 0) return;
  // Expired ones go on the way; those that another transaction is removing are left to it, or the two could deadlock.
  await trx.raw(
    `with expired as (
       delete from token_revocations where id in
         (select id from token_revocations where expires_at < now() for update skip locked)
     ), counted as (
       update token_epoch set epoch = epoch + 1 returning epoch
     )
     insert into token_revocations (subject, epoch, expires_at)
     select subject, epoch, now() + make_interval(secs => ?) from counted, unnest(?::text[]) as subject`,
    [tokenSeconds + 60, subjects],
  );
  await notify(trx, topic, String(subjects.length));
}

export interface Revocations {
  /** Whether something that happened after the token was made ended it. */
  isRevoked(token: Token): Promise<boolean>;
  /** Reads the database now; for the process that has just revoked, so that its next request already knows. */
  refresh(): Promise<void>;
  stop(): void;
}

/** A copy in memory of what was revoked, kept fresh by notification. While those are cut off, each check asks the database. */
export async function watchRevocations(db: Knex, notifications: Notifications): Promise<Revocations> {
  let revokedAt = new Map<string, number>();
  let running = Promise.resolve();
  let queued: Promise<void> | undefined;
  /** A look that failed while notices came: until one succeeds, each check looks again. */
  let isStale = false;

  const load = async () => {
    isStale = true;
    const rows = await db('token_revocations')
      .where('expires_at', '>', db.fn.now())
      .groupBy('subject')
      .select('subject')
      .max('epoch as epoch');
    revokedAt = new Map(rows.map((row) => [row.subject as string, Number(row.epoch)]));
    isStale = false;
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
      if (isStale || !notifications.connected()) await refresh();
      for (const subject of subjectsOf(token)) {
        const at = revokedAt.get(subject);
        // An audit id is one token's for ever: what was bought with it falls too, however late it was issued.
        if (at !== undefined && (at > token.epoch || subject.startsWith('audit:'))) return true;
      }
      return false;
    },
    refresh,
    stop: unsubscribe,
  };
}

const known = new WeakMap<Token, Subject[]>();

/** Everything whose end is the token's end. */
function subjectsOf(token: Token): Subject[] {
  const made = known.get(token);
  if (made) return made;
  const { scope, userId, delegation, federation } = token;
  const subjects: Subject[] = [`user:${userId}`, `domain:${token.userDomainId}`];
  for (const id of token.auditIds) subjects.push(`audit:${id}`);
  if (scope.type === 'system') subjects.push(`grant:${userId}:system`);
  if ('id' in scope) subjects.push(`${scope.type}:${scope.id}`, `grant:${userId}:${scope.id}`);
  if (delegation?.type === 'application_credential') subjects.push(`application_credential:${delegation.id}`);
  if (delegation?.type === 'oauth1') subjects.push(`access_token:${delegation.id}`);
  if (delegation?.type === 'trust') {
    const { id, agentIds } = delegation;
    subjects.push(`trust:${id}`, ...agentIds.map((agentId): Subject => `user:${agentId}`));
    if ('id' in scope) subjects.push(`grant:${agentIds[0]}:${scope.id}`);
  }
  if (federation) {
    subjects.push(`identity_provider:${federation.identityProviderId}`);
    for (const id of federation.groupIds) subjects.push(`group:${id}`);
  }
  known.set(token, subjects);
  return subjects;
}
