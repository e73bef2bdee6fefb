import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import { refreshAfterMs } from '../parts/tone.ts';
import { type Container, isMoving } from './container.ts';

const path = (id: string) => `/containers/${encodeURIComponent(id)}`;

export function useContainers() {
  const api = useApi();
  return useQuery({
    queryKey: ['containers'],
    queryFn: async ({ signal }) =>
      (await api.get<{ containers: Container[] }>('container', '/containers?limit=1000', signal)).containers,
    refetchInterval: (query) => refreshAfterMs(query.state.data?.some(isMoving) ?? false),
  });
}

export function useContainer(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ['containers', id],
    queryFn: ({ signal }) => api.get<Container>('container', path(id), signal),
    refetchInterval: (query) =>
      refreshAfterMs(query.state.data !== undefined && isMoving(query.state.data), query.state.error),
  });
}

export function useContainerLogs(id: string, lines: number) {
  const api = useApi();
  return useQuery({
    queryKey: ['containers', id, 'logs', lines],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ stdout: 'true', stderr: 'true', timestamps: 'false', tail: String(lines) });
      return String((await api.get<unknown>('container', `${path(id)}/logs?${query}`, signal)) ?? '');
    },
    refetchInterval: 5000,
  });
}

export function useContainerAction(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (action: 'start' | 'stop') => api.post<void>('container', `${path(id)}/${action}`),
    onSettled: () => cache.invalidateQueries({ queryKey: ['containers'] }),
  });
}

/** Runs a command to its end. */
export function useExecute(id: string) {
  const api = useApi();
  return (words: string[]) => {
    const query = new URLSearchParams({ command: commandLine(words), run: 'true', interactive: 'false' });
    return api.post<{ output: string; exit_code: number }>('container', `${path(id)}/execute?${query}`);
  };
}

/** The API takes one line and splits it as a POSIX shell would. */
function commandLine(words: string[]): string {
  return words.map((word) => (/^[\w\-./:=@%+,]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)).join(' ');
}

export function useDeleteContainer(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return async () => {
    await api.delete('container', `${path(id)}?stop=true`);
    await cache.invalidateQueries({ queryKey: ['containers'], exact: true });
  };
}
