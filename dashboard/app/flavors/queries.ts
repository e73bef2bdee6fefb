import { useQuery } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';

export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  /** MiB. */
  ram: number;
  /** GiB; 0: as large as the image. */
  disk: number;
}

export function useFlavors() {
  const api = useApi();
  return useQuery({
    queryKey: ['flavors'],
    queryFn: async ({ signal }) => (await api.get<{ flavors: Flavor[] }>('compute', '/flavors/detail', signal)).flavors,
    staleTime: 60_000,
  });
}
