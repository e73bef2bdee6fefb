import type { Notifications } from '../common/database/notifications.ts';

/**
 * Answers made from identity's rows, kept until any of those rows changes. Each statement that changes one tells every
 * process (trigger `identity_changed`). For names, lists and the catalog: what decides over access is read when it is decided.
 */
export interface IdentityMemory {
  /** The remembered answer, or a new one. A failure is not remembered. */
  recall<T>(key: string, make: () => Promise<T>): Promise<T>;
  /** Forgets everything: for the process that has just changed something, so that its next answer knows. */
  forget(): void;
  stop(): void;
}

/** The most answers that are kept; the oldest go. */
const mostAnswers = 5000;

export function rememberIdentity(notifications: Notifications): IdentityMemory {
  let answers = new Map<string, unknown>();
  const forget = () => {
    answers = new Map();
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
      if (current.size > mostAnswers) current.delete(current.keys().next().value as string);
      return made;
    },
    forget,
    stop: unsubscribe,
  };
}
