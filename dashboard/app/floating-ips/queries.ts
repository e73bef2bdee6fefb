import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import type { FloatingIp } from './floating-ip.ts';

export function useFloatingIps() {
  const api = useApi();
  return useQuery({
    queryKey: ['floating-ips'],
    queryFn: async ({ signal }) =>
      (await api.get<{ floatingips: FloatingIp[] }>('network', '/floatingips', signal)).floatingips,
  });
}

export interface FloatingIpOperations {
  allocate(networkId: string): Promise<void>;
  /** Null: no port any more. */
  associate(id: string, portId: string | null): Promise<void>;
  release(id: string): Promise<void>;
}

export function useFloatingIpOperations(): FloatingIpOperations {
  const api = useApi();
  const cache = useQueryClient();
  const changed = () => cache.invalidateQueries({ queryKey: ['floating-ips'] });
  const path = (id: string) => `/floatingips/${encodeURIComponent(id)}`;
  return {
    async allocate(networkId) {
      await api.post('network', '/floatingips', { floatingip: { floating_network_id: networkId } });
      await changed();
    },
    async associate(id, portId) {
      await api.put('network', path(id), { floatingip: { port_id: portId } });
      await changed();
    },
    async release(id) {
      await api.delete('network', path(id));
      await changed();
    },
  };
}
