import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';

export interface Keypair {
  name: string;
  type: string;
  fingerprint: string;
  public_key: string;
  /** Only in the answer that made it: the cloud does not keep it. */
  private_key?: string;
}

export function useKeypairs() {
  const api = useApi();
  return useQuery({
    queryKey: ['keypairs'],
    queryFn: async ({ signal }) =>
      (await api.get<{ keypairs: { keypair: Keypair }[] }>('compute', '/os-keypairs', signal)).keypairs.map(
        ({ keypair }) => keypair,
      ),
  });
}

/** Without a public key the cloud makes the pair. */
export function useCreateKeypair() {
  const api = useApi();
  const cache = useQueryClient();
  return async (name: string, publicKey: string | null): Promise<Keypair> => {
    const body = { keypair: { name, type: 'ssh', ...(publicKey !== null && { public_key: publicKey }) } };
    const { keypair } = await api.post<{ keypair: Keypair }>('compute', '/os-keypairs', body);
    await cache.invalidateQueries({ queryKey: ['keypairs'] });
    return keypair;
  };
}

export function useDeleteKeypair() {
  const api = useApi();
  const cache = useQueryClient();
  return async (name: string) => {
    await api.delete('compute', `/os-keypairs/${encodeURIComponent(name)}`);
    await cache.invalidateQueries({ queryKey: ['keypairs'] });
  };
}
