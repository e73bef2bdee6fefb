import { join } from 'node:path';

/** Where the registry server listens, and keeps everything, below the data directory. */
export const registrySocket = (dataDir: string): string => join(dataDir, 'run', 'registry', 'registry.sock');
export const registryStorage = (dataDir: string): string => join(dataDir, 'registry');

/**
 * The configuration file of docker-registry (JSON is YAML): https://distribution.github.io/distribution/about/configuration/
 * @param secret what it signs the state of uploads with, so that a restart does not end them.
 */
export function registryConfig({
  socket,
  storage,
  secret,
}: {
  socket: string;
  storage: string;
  secret: string;
}): string {
  return JSON.stringify(
    {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: storage },
        delete: { enabled: true },
        redirect: { disable: true },
        // Uploads are ours to end. And there is no cache of what is there: it would not hear of what we remove.
        maintenance: { uploadpurging: { enabled: false } },
      },
      http: {
        net: 'unix',
        addr: socket,
        relativeurls: true,
        secret,
        headers: { 'X-Content-Type-Options': ['nosniff'] },
      },
      // A manifest that names other places to fetch from is refused.
      validation: { manifests: { urls: { deny: ['.*'] } } },
      health: { storagedriver: { enabled: false } },
    },
    null,
    2,
  );
}
