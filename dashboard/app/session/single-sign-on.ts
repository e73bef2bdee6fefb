/**
 * Logging in elsewhere leaves this page and comes back to it with a token. What was begun in this tab is remembered in it:
 * else another site could log its visitors in here as somebody of its own, and see what they do.
 */
import type { SessionStorage } from './session.ts';

const key = 'cirrostack.single-sign-on';

/** Before this page is left; `next` is where to go afterwards. */
export function beginSingleSignOn(storage: SessionStorage, next: string): void {
  storage.setItem(key, next);
}

/** Once: where to go. Null when it was not begun in this tab. */
export function endSingleSignOn(storage: SessionStorage): string | null {
  const next = storage.getItem(key);
  storage.removeItem(key);
  return next;
}

/** The token that came with the page (dashboard/plugin.ts), once; null when there is none. */
export function takeToken(page: Document): string | null {
  const meta = page.querySelector('meta[name="handed-over-token"]');
  meta?.remove();
  return meta?.getAttribute('content') ?? null;
}
