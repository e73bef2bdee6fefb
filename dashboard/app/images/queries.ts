import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import { refreshAfterMs } from '../parts/tone.ts';
import type { Image } from './image.ts';

const isMoving = ({ status }: Image) => ['saving', 'uploading', 'importing'].includes(status);

export function useImages() {
  const api = useApi();
  return useQuery({
    queryKey: ['images'],
    queryFn: async ({ signal }) => (await api.get<{ images: Image[] }>('image', '/images?limit=1000', signal)).images,
    refetchInterval: (query) => refreshAfterMs(query.state.data?.some(isMoving) ?? false),
  });
}

export function useDeleteImage() {
  const api = useApi();
  const cache = useQueryClient();
  return async (id: string) => {
    await api.delete('image', `/images/${encodeURIComponent(id)}`);
    await cache.invalidateQueries({ queryKey: ['images'] });
  };
}

export interface NewImage {
  name: string;
  disk_format: string;
  container_format: string;
}

/** Makes the record, then sends the bytes. When the bytes are refused or the sending is cancelled, the record goes too. */
export function useUploadImage() {
  const api = useApi();
  const cache = useQueryClient();
  return async (
    image: NewImage,
    file: File,
    options: { signal: AbortSignal; onProgress: (sentBytes: number) => void },
  ): Promise<void> => {
    const { id } = await api.post<Image>('image', '/images', image);
    try {
      await api.upload('image', `/images/${id}/file`, file, options);
    } catch (error) {
      // The first error is what the user has to know; a record that stays behind shows in the list as queued.
      await api.delete('image', `/images/${id}`).catch(() => undefined);
      throw error;
    } finally {
      await cache.invalidateQueries({ queryKey: ['images'] });
    }
  };
}
