/** An image as the Image API shows it; only what this dashboard reads. */
export interface Image {
  id: string;
  name: string | null;
  status: string;
  visibility: string;
  owner: string | null;
  disk_format: string | null;
  container_format: string | null;
  /** Bytes; null until its data is there. */
  size: number | null;
  /** GiB. */
  min_disk: number;
  /** MiB. */
  min_ram: number;
  protected: boolean;
  created_at: string;
}

/** What a container can be made of: an archive of `docker save`, which the Image API calls container format docker. */
export function isForContainers({ container_format }: Pick<Image, 'container_format'>): boolean {
  return container_format === 'docker';
}

/** The form of a disk, guessed from its file's name; the cloud looks inside and refuses what it is not. */
export function formatOfFile(name: string): ImageFormat {
  const lower = name.toLowerCase();
  if (lower.endsWith('.qcow2')) return 'qcow2';
  if (lower.endsWith('.tar')) return 'docker';
  if (lower.endsWith('.iso')) return 'iso';
  return lower.endsWith('.raw') ? 'raw' : 'qcow2';
}

export const imageFormats = [
  { value: 'qcow2', label: 'qcow2: disk of a server' },
  { value: 'raw', label: 'raw: disk of a server' },
  { value: 'iso', label: 'iso: optical disc' },
  { value: 'docker', label: 'docker: archive made by docker save, for containers' },
] as const;

export type ImageFormat = (typeof imageFormats)[number]['value'];

/** The two formats of the Image API for the one that people choose. */
export function formatFields(format: ImageFormat): { disk_format: string; container_format: string } {
  return format === 'docker'
    ? { disk_format: 'raw', container_format: 'docker' }
    : { disk_format: format, container_format: 'bare' };
}
