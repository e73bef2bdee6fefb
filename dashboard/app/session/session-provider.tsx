import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { enterProject, revoke } from '../api/identity.ts';
import { clearSession, readSession, type Session, writeSession } from './session.ts';

interface SessionState {
  session: Session | null;
  /** Why there is none any more, when it was not the user who ended it. */
  ended: string | null;
  begin(session: Session): void;
  /** Another project of the same login. */
  switchProject(projectId: string): Promise<void>;
  logOut(): Promise<void>;
  /** The cloud refused the token. */
  expire(): void;
}

const SessionContext = createContext<SessionState | null>(null);

const expired = 'Your session has ended. Log in again to continue where you were.';

/** Holds the session; whenever it changes, everything that was fetched with the one before is forgotten. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [session, setSession] = useState(() => readSession(sessionStorage, Date.now()));
  const [ended, setEnded] = useState<string | null>(null);

  const change = useCallback(
    (next: Session | null, reason: string | null) => {
      if (next) writeSession(sessionStorage, next);
      else clearSession(sessionStorage);
      cache.clear();
      setEnded(reason);
      setSession(next);
    },
    [cache],
  );

  useEffect(() => {
    if (!session) return;
    const ms = Math.min(Date.parse(session.expiresAt) - Date.now(), 2 ** 31 - 1);
    const timer = setTimeout(() => change(null, expired), Math.max(ms, 0));
    return () => clearTimeout(timer);
  }, [session, change]);

  const state = useMemo<SessionState>(
    () => ({
      session,
      ended,
      begin: (next) => change(next, null),
      async switchProject(projectId) {
        if (session) change(await enterProject(session.loginToken, projectId), null);
      },
      async logOut() {
        // Here it ends in any case; that the cloud could not be told is nothing the user can do anything about.
        if (session) await revoke(session).catch(() => undefined);
        change(null, null);
      },
      expire: () => change(null, expired),
    }),
    [session, ended, change],
  );
  return <SessionContext value={state}>{children}</SessionContext>;
}

export function useSessionState(): SessionState {
  const state = useContext(SessionContext);
  if (!state) throw new Error('There is no session provider above.');
  return state;
}

/** The session of a page that is only shown to those who have one. */
export function useSession(): Session {
  const { session } = useSessionState();
  if (!session) throw new Error('This page needs a session.');
  return session;
}
