import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import { refreshAfterMs } from '../parts/tone.ts';
import { framePath, type Show } from './console-frame.ts';
import { isMoving, type Server } from './server.ts';

export interface InstanceAction {
  action: string;
  request_id: string;
  start_time: string;
  updated_at?: string;
  message: string | null;
  user_id: string;
}

const path = (id: string) => `/servers/${encodeURIComponent(id)}`;

export function useServers() {
  const api = useApi();
  return useQuery({
    queryKey: ['servers'],
    queryFn: async ({ signal }) =>
      (await api.get<{ servers: Server[] }>('compute', '/servers/detail?limit=1000', signal)).servers,
    refetchInterval: (query) => refreshAfterMs(query.state.data?.some(isMoving) ?? false),
  });
}

export function useServer(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ['servers', id],
    queryFn: async ({ signal }) => (await api.get<{ server: Server }>('compute', path(id), signal)).server,
    refetchInterval: (query) =>
      refreshAfterMs(query.state.data !== undefined && isMoving(query.state.data), query.state.error),
  });
}

export function useInstanceActions(id: string, isServerMoving: boolean) {
  const api = useApi();
  return useQuery({
    queryKey: ['servers', id, 'actions'],
    queryFn: async ({ signal }) =>
      (await api.get<{ instanceActions: InstanceAction[] }>('compute', `${path(id)}/os-instance-actions`, signal))
        .instanceActions,
    refetchInterval: refreshAfterMs(isServerMoving),
  });
}

export function useConsoleOutput(id: string, lines: number) {
  const api = useApi();
  return useQuery({
    queryKey: ['servers', id, 'console', lines],
    queryFn: async () =>
      (
        await api.post<{ output: string }>('compute', `${path(id)}/action`, {
          'os-getConsoleOutput': { length: lines },
        })
      ).output,
    refetchInterval: 5000,
  });
}

/**
 * The address of a page that shows the screen or the serial port, which opens once. Another `attempt` is another address;
 * nothing else asks for a new one, as that would end what is shown.
 */
export function useRemoteConsole(id: string, show: Show, attempt: number) {
  const api = useApi();
  const asked = show === 'screen' ? { protocol: 'vnc', type: 'novnc' } : { protocol: 'serial', type: 'serial' };
  return useQuery({
    queryKey: ['remote consoles', id, show, attempt],
    queryFn: async () => {
      const { remote_console: found } = await api.post<{ remote_console: { url: string } }>(
        'compute',
        `${path(id)}/remote-consoles`,
        { remote_console: asked },
      );
      return framePath(show, found.url);
    },
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnMount: false,
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
  });
}

/** Sends one of the server's actions, as the API spells it, and looks at once at what became of it. */
export function useServerAction(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: object) => api.post<void>('compute', `${path(id)}/action`, body),
    onSettled: () => cache.invalidateQueries({ queryKey: ['servers'] }),
  });
}

/** Changes what differs. */
export function useEditServer({ id, tags: before }: Server) {
  const api = useApi();
  const cache = useQueryClient();
  return async ({ tags, ...labels }: { name: string; description: string | null; tags: string[] }) => {
    await api.put('compute', path(id), { server: labels });
    if (tags.join() !== before.join()) await api.put('compute', `${path(id)}/tags`, { tags });
    await cache.invalidateQueries({ queryKey: ['servers'] });
  };
}

/** A port of the server's, as it is plugged in. */
export interface Interface {
  port_id: string;
  net_id: string;
  port_state: string;
  mac_addr: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
}

/** One that was just plugged in is up in a moment, which the server's own state does not tell. */
export function useInterfaces(server: Server) {
  const api = useApi();
  const { id, status } = server;
  return useQuery({
    queryKey: ['servers', id, 'interfaces'],
    queryFn: async ({ signal }) =>
      (await api.get<{ interfaceAttachments: Interface[] }>('compute', `${path(id)}/os-interface`, signal))
        .interfaceAttachments,
    refetchInterval: ({ state: { data } }) =>
      refreshAfterMs(
        isMoving(server) || (status === 'ACTIVE' && data?.some((one) => one.port_state !== 'ACTIVE') === true),
      ),
  });
}

export function useChangeInterfaces(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  const base = `${path(id)}/os-interface`;
  const refresh = () => cache.invalidateQueries({ queryKey: ['servers'] });
  return {
    async attach(networkId: string) {
      await api.post('compute', base, { interfaceAttachment: { net_id: networkId } });
      await refresh();
    },
    async detach(portId: string) {
      await api.delete('compute', `${base}/${encodeURIComponent(portId)}`);
      await refresh();
    },
  };
}

export function useDeleteServer(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return async () => {
    await api.delete('compute', path(id));
    await cache.invalidateQueries({ queryKey: ['servers'], exact: true });
  };
}
