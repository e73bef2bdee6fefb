/** Who is logged in to which project. The API knows nothing of it: this is only where a browser keeps its token. */
export interface Session {
  /** Scoped to the project; what every request carries. */
  token: string;
  /** Without scope: buys the token of another project, and its revocation ends all that it bought. */
  loginToken: string;
  expiresAt: string;
  user: { id: string; name: string };
  project: { id: string; name: string };
  roles: string[];
}

/**
 * The storage of one tab: a reload keeps the session, closing the tab ends it, and unlike a cookie it is never sent by
 * itself, so that no other site can act in its name. What script could read it could as well use it from memory; the page's
 * policy (dashboard/plugin.ts) is what keeps such script out.
 */
const key = 'cirrostack.session';

export type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The session of this tab, unless there is none, it has expired, or something else wrote what is there. */
export function readSession(storage: SessionStorage, now: number): Session | null {
  const text = storage.getItem(key);
  if (text === null) return null;
  try {
    const session = JSON.parse(text) as Session;
    const isWhole = typeof session.token === 'string' && typeof session.project?.id === 'string';
    return isWhole && Date.parse(session.expiresAt) > now ? session : null;
  } catch {
    return null;
  }
}

export function writeSession(storage: SessionStorage, session: Session): void {
  storage.setItem(key, JSON.stringify(session));
}

export function clearSession(storage: SessionStorage): void {
  storage.removeItem(key);
}
