import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';

export interface Network {
  id: string;
  name: string;
  status: string;
  shared: boolean;
  project_id: string;
  mtu: number;
  'router:external': boolean;
  subnets: string[];
}

export interface Subnet {
  id: string;
  name: string;
  network_id: string;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  ip_version: 4 | 6;
  dns_nameservers: string[];
}

export interface Port {
  id: string;
  name: string;
  network_id: string;
  device_id: string;
  device_owner: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
}

export function useNetworks() {
  const api = useApi();
  return useQuery({
    queryKey: ['networks'],
    queryFn: async ({ signal }) => (await api.get<{ networks: Network[] }>('network', '/networks', signal)).networks,
  });
}

export function useSubnets() {
  const api = useApi();
  return useQuery({
    queryKey: ['subnets'],
    queryFn: async ({ signal }) => (await api.get<{ subnets: Subnet[] }>('network', '/subnets', signal)).subnets,
  });
}

export function usePorts() {
  const api = useApi();
  return useQuery({
    queryKey: ['ports'],
    queryFn: async ({ signal }) => (await api.get<{ ports: Port[] }>('network', '/ports', signal)).ports,
  });
}

export function useDeleteNetwork() {
  const api = useApi();
  const cache = useQueryClient();
  return async (id: string) => {
    await api.delete('network', `/networks/${encodeURIComponent(id)}`);
    await cache.invalidateQueries({ queryKey: ['networks'] });
  };
}

export interface NewSubnet {
  name: string;
  cidr: string;
  dns_nameservers: string[];
}

/** Both or none: a network whose subnet is refused is taken back, so that trying again starts from the beginning. */
export function useCreateNetwork() {
  const api = useApi();
  const cache = useQueryClient();
  return async (name: string, subnet: NewSubnet | null): Promise<void> => {
    const { network } = await api.post<{ network: Network }>('network', '/networks', { network: { name } });
    try {
      if (subnet) {
        const ip_version = subnet.cidr.includes(':') ? 6 : 4;
        await api.post('network', '/subnets', { subnet: { ...subnet, ip_version, network_id: network.id } });
      }
    } catch (error) {
      await api.delete('network', `/networks/${network.id}`).catch(() => undefined); // it then shows in the list
      throw error;
    } finally {
      await cache.invalidateQueries({ queryKey: ['networks'] });
      await cache.invalidateQueries({ queryKey: ['subnets'] });
    }
  };
}
