import { boundedMap } from '../common/bounded-map.ts';
import type { Notifications } from '../common/database/notifications.ts';

/**
 * Answers made from identity's rows, kept until any of those rows changes. Each statement that changes one tells every
 * process (trigger `identity_changed`). For names, lists and the catalog: what decides over access is read when it is decided.
 */
export interface IdentityMemory {
  /** The remembered answer, or a new one. A failure is not remembered. What users can make long, they make as text. */
  recall<T>(key: string, make: () => Promise<T>): Promise<T>;
  /** Forgets everything: for the process that has just changed something, so that its next answer knows. */
  forget(): void;
  stop(): void;
}

/** The most answers that are kept, and the most characters of their keys and texts (at two bytes, 32 MiB); the oldest go. */
const most = { entries: 5000, total: 16 * 2 ** 20 };

export function rememberIdentity(notifications: Notifications): IdentityMemory {
  const none = () =>
    boundedMap<unknown>(most, (answer, key) => key.length + (typeof answer === 'string' ? answer.length : 0));
  let answers = none();
  const forget = () => {
    answers = none();
  };
  const unsubscribe = notifications.subscribe('identity', forget);
  return {
    async recall<T>(key: string, make: () => Promise<T>): Promise<T> {
      const current = answers;
      const isHeard = notifications.connected();
      if (isHeard && current.has(key)) return current.get(key) as T;
      const made = await make();
      // Into the map of when it was begun: if anything changed since, that one is no longer looked at.
      if (isHeard) current.set(key, made);
      return made;
    },
    forget,
    stop: unsubscribe,
  };
}
