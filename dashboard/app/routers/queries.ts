import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';

export interface Router {
  id: string;
  name: string;
  status: string;
  external_gateway_info: {
    network_id: string;
    enable_snat?: boolean;
    external_fixed_ips?: { ip_address: string }[];
  } | null;
}

export function useRouters() {
  const api = useApi();
  return useQuery({
    queryKey: ['routers'],
    queryFn: async ({ signal }) => (await api.get<{ routers: Router[] }>('network', '/routers', signal)).routers,
  });
}

export interface RouterOperations {
  create(name: string, externalNetworkId: string | null): Promise<void>;
  remove(id: string): Promise<void>;
  connect(id: string, subnetId: string): Promise<void>;
  disconnect(id: string, subnetId: string): Promise<void>;
}

export function useRouterOperations(): RouterOperations {
  const api = useApi();
  const cache = useQueryClient();
  const changed = async () => {
    await cache.invalidateQueries({ queryKey: ['routers'] });
    await cache.invalidateQueries({ queryKey: ['ports'] });
  };
  const path = (id: string) => `/routers/${encodeURIComponent(id)}`;
  return {
    async create(name, externalNetworkId) {
      const external_gateway_info = externalNetworkId === null ? null : { network_id: externalNetworkId };
      await api.post('network', '/routers', { router: { name, external_gateway_info } });
      await changed();
    },
    async remove(id) {
      await api.delete('network', path(id));
      await changed();
    },
    async connect(id, subnetId) {
      await api.put('network', `${path(id)}/add_router_interface`, { subnet_id: subnetId });
      await changed();
    },
    async disconnect(id, subnetId) {
      await api.put('network', `${path(id)}/remove_router_interface`, { subnet_id: subnetId });
      await changed();
    },
  };
}
