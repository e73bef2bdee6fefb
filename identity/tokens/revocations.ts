import type { Knex } from '../../common/database/database.ts';
import { type Notifications, notify } from '../../common/database/notifications.ts';
import { allowExpiredSeconds, type Token } from './token.ts';

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
  // An expired token may be asked about still (`allow_expired`), and what was ended by name stays ended for as long as that.
  const longer = subjects.some((one) => one.startsWith('audit:')) ? allowExpiredSeconds : 0;
  await trx.raw(
    `with expired as (
       delete from token_revocations where id in
         (select id from token_revocations where expires_at < now() for update skip locked)
     ), counted as (
       update token_epoch set epoch = epoch + 1 returning epoch
     )
     insert into token_revocations (subject, epoch, expires_at)
     select subject, epoch, now() + make_interval(secs => ?) from counted, unnest(?::text[]) as subject`,
    [tokenSeconds + 60 + longer, subjects],
  );
  await notify(trx, topic, String(subjects.length));
}

export interface Revocations {
  /**
   * Whether something that happened after the token was made ended it; with `epoch`, among all that had happened by then,
   * whether this process has heard of it or not.
   */
  isRevoked(token: Token, epoch?: number): Promise<boolean>;
  /** Reads the database now; for the process that has just revoked, so that its next request already knows. */
  refresh(): Promise<void>;
  stop(): void;
}

interface Revoked {
  epoch: number;
  expiresAt: Date;
}

/** Between two looks at which of those in memory have expired. */
const pruneEveryMs = 60_000;

/**
 * A copy in memory of what was revoked, kept fresh by notification: epochs grow in the order of commits, so each look reads
 * only what came since the one before. While notifications are cut off, each check asks the database.
 */
export async function watchRevocations(db: Knex, notifications: Notifications): Promise<Revocations> {
  const revoked = new Map<string, Revoked>();
  let knownEpoch = -1;
  let lastPrune = performance.now();
  let running = Promise.resolve();
  let queued: Promise<void> | undefined;
  /** A look that failed while notices came: until one succeeds, each check looks again. */
  let isStale = false;

  const load = async () => {
    isStale = true;
    const rows: { now: number; subject: string | null; epoch: number; expires_at: Date }[] = await db(
      'token_epoch as e',
    )
      .leftJoin('token_revocations as r', (joined) => {
        joined.on('r.epoch', '>', db.raw('?', [knownEpoch])).andOn('r.expires_at', '>', db.raw('now()'));
      })
      .select('e.epoch as now', 'r.subject', 'r.epoch', 'r.expires_at');
    for (const { subject, epoch, expires_at: expiresAt } of rows) {
      if (subject === null) continue;
      const before = revoked.get(subject);
      if (before === undefined || before.epoch < epoch) revoked.set(subject, { epoch, expiresAt });
    }
    knownEpoch = rows[0]?.now ?? knownEpoch;
    isStale = false;
    if (performance.now() - lastPrune > pruneEveryMs) prune();
  };
  const prune = () => {
    lastPrune = performance.now();
    for (const [subject, { expiresAt }] of revoked)
      if (expiresAt.getTime() < Date.now() - pruneEveryMs) revoked.delete(subject);
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
    async isRevoked(token, epoch = 0) {
      if (isStale || epoch > knownEpoch || !notifications.connected()) await refresh();
      for (const subject of subjectsOf(token)) {
        const at = revoked.get(subject)?.epoch;
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
