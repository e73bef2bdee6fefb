import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { ApiFailure } from './api/failure.ts';
import { Site } from './routes.tsx';
import { SessionProvider } from './session/session-provider.tsx';

/** An answer that says no is an answer: only what may pass by itself is asked again unasked. */
function mayPass(failures: number, error: Error): boolean {
  return failures < 2 && (!(error instanceof ApiFailure) || error.status === 0 || error.status === 503);
}

const cache = new QueryClient({
  defaultOptions: {
    queries: { retry: mayPass, staleTime: 2000, networkMode: 'always' },
    mutations: { networkMode: 'always' },
  },
});

createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <SessionProvider>
        <BrowserRouter basename="/dashboard">
          <Site />
        </BrowserRouter>
      </SessionProvider>
    </QueryClientProvider>
  </StrictMode>,
);
