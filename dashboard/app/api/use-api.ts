import { useMemo } from 'react';
import { useSession, useSessionState } from '../session/session-provider.tsx';
import { ApiFailure } from './failure.ts';
import { type Answer, call, type Service, upload } from './request.ts';

/** Requests in the name of whoever is logged in. */
export interface Api {
  get<T>(service: Service, path: string, signal?: AbortSignal): Promise<T>;
  post<T>(service: Service, path: string, body?: unknown): Promise<T>;
  put<T>(service: Service, path: string, body: unknown): Promise<T>;
  delete(service: Service, path: string): Promise<void>;
  upload(
    service: Service,
    path: string,
    file: Blob,
    options: { signal: AbortSignal; onProgress: (sentBytes: number) => void },
  ): Promise<void>;
}

export function useApi(): Api {
  const { token } = useSession();
  const { expire } = useSessionState();
  return useMemo(() => {
    /** A refused token ends the session; nobody is asked to read that 401. */
    const watched = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        if (error instanceof ApiFailure && error.status === 401) expire();
        throw error;
      }
    };
    const body = async <T>(answer: Promise<Answer<T>>): Promise<T> => (await watched(answer)).body;
    return {
      get: <T>(service: Service, path: string, signal?: AbortSignal) =>
        body<T>(call('GET', service, path, { token, signal })),
      post: <T>(service: Service, path: string, sent?: unknown) =>
        body<T>(call('POST', service, path, { token, body: sent })),
      put: <T>(service: Service, path: string, sent: unknown) =>
        body<T>(call('PUT', service, path, { token, body: sent })),
      delete: (service, path) => body<void>(call('DELETE', service, path, { token })),
      upload: (service, path, file, options) => watched(upload(service, path, file, { token, ...options })),
    };
  }, [token, expire]);
}
