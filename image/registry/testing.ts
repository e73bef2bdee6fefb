/** A cloud with a real registry server behind it, and a client that speaks to both as docker does. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { type Answer, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { type Persona, personas } from '../../tests/personas.ts';
import { registryConfig, registrySocket, registryStorage } from './server-config.ts';
import { openUpstream, type Upstream } from './upstream.ts';

/** Starts docker-registry for a data directory, until the test ends. */
export async function startRegistryServer(t: ExecutionContext, dataDir: string): Promise<{ stop(): Promise<void> }> {
  const [socket, storage] = [registrySocket(dataDir), registryStorage(dataDir)];
  for (const directory of [dirname(socket), storage]) await mkdir(directory, { recursive: true });
  const path = join(dirname(socket), 'config.json');
  await writeFile(path, registryConfig({ socket, storage, secret: 'of the test' }));
  const server = spawn('docker-registry', ['serve', path], { stdio: 'ignore', env: { PATH: process.env.PATH } });
  const failed = once(server, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  const stop = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  t.teardown(stop);
  const upstream = openUpstream(`unix:${socket}`);
  while (!(await upstream.answers())) await Promise.race([delay(5), failed]);
  upstream.close();
  return { stop };
}

export interface RegistryCloud extends TestCloud {
  /** Ends the registry server before the test does. */
  stopRegistry(): Promise<void>;
  docker(user: string, password: string): Docker;
  dockerAs(persona: Persona): Docker;
}

export async function startRegistryCloud(
  t: ExecutionContext,
  overrides: Record<string, string | number | boolean> = {},
): Promise<RegistryCloud> {
  const cloud = await startTestCloud(t, overrides);
  const server = await startRegistryServer(t, cloud.config.dataDir);
  const docker = (user: string, password: string) => new Docker(cloud, user, password);
  return {
    ...cloud,
    stopRegistry: server.stop,
    docker,
    dockerAs: (persona) => docker(persona, personas[persona].password),
  };
}

export const digestOf = (bytes: string | Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** What `docker` does: asks, is told where to log in and for what, and asks again with the token. */
export class Docker {
  readonly #cloud: TestCloud;
  readonly #basic: string;
  /** Tokens by what they are for. */
  readonly #tokens = new Map<string, string>();

  constructor(cloud: TestCloud, user: string, password: string) {
    this.#cloud = cloud;
    this.#basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  /** The token service's answer. */
  logIn(...scopes: string[]): Promise<Answer> {
    const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
    const path = `/registry/token?service=cloud.test&${query}`;
    return this.#cloud.anonymous.request({ method: 'GET', path, headers: { authorization: this.#basic } });
  }

  async tokenFor(...scopes: string[]): Promise<string> {
    const key = scopes.join(' ');
    const known = this.#tokens.get(key) ?? (await this.logIn(...scopes)).body?.token ?? '';
    this.#tokens.set(key, known);
    return known;
  }

  /** @param also what else to ask rights for. */
  async request(
    method: string,
    path: string,
    {
      headers = {},
      payload,
      also = [],
    }: { headers?: Record<string, string>; payload?: string | Buffer; also?: string[] } = {},
  ): Promise<Answer> {
    const send = (authorization?: string) =>
      this.#cloud.anonymous.request({
        method,
        path,
        headers: { 'content-type': 'application/octet-stream', ...headers, ...(authorization && { authorization }) },
        ...(payload !== undefined && { payload }),
      });
    const first = await send();
    const scope = /scope="([^"]*)"/.exec(String(first.headers['www-authenticate']))?.[1];
    if (first.status !== 401) return first;
    return send(`Bearer ${await this.tokenFor(...(scope === undefined ? [] : [scope]), ...also)}`);
  }

  async pushBlob(repository: string, bytes: string | Buffer): Promise<Answer> {
    const begun = await this.request('POST', `/v2/${repository}/blobs/uploads/`);
    if (begun.status !== 202) return begun;
    const sent = await this.request('PATCH', String(begun.headers.location), { payload: bytes });
    if (sent.status !== 202) return sent;
    return this.request('PUT', `${sent.headers.location}?digest=${digestOf(bytes)}`);
  }

  pushManifest(repository: string, reference: string, manifest: object | string): Promise<Answer> {
    const payload = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
    const type = (JSON.parse(payload) as { mediaType: string }).mediaType;
    return this.request('PUT', `/v2/${repository}/manifests/${reference}`, {
      payload,
      headers: { 'content-type': type },
    });
  }

  /** An image of one layer, whole. @returns what was pushed. */
  async push(repository: string, tag: string, { layer = randomBytes(2000) as Buffer, config = '' } = {}) {
    const image = makeImage(layer, config);
    for (const blob of [image.layer, image.config]) {
      const answer = await this.pushBlob(repository, blob);
      if (answer.status !== 201) throw new Error(`push of a blob: ${answer.status} ${answer.text}`);
    }
    const answer = await this.pushManifest(repository, tag, image.manifest);
    return { ...image, status: answer.status, text: answer.text };
  }
}

export const imageManifest = 'application/vnd.oci.image.manifest.v1+json';

/** The parts of an image as they are pushed. */
export function makeImage(layer: Buffer, config = '') {
  const made = Buffer.from(
    config ||
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
        config: { Cmd: ['/bin/true'] },
      }),
  );
  const described = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: imageManifest,
    config: described('application/vnd.oci.image.config.v1+json', made),
    layers: [described('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  return { layer, config: made, manifest, digest: digestOf(manifest) };
}

/** Where and by what the registry's rows and files are removed, as the loop does it, and what else pushing takes. */
export const garbageDeps = ({ db, config }: TestCloud, upstream: Upstream, keepUnreferencedSeconds = 3600) => ({
  db,
  upstream,
  log: pino({ level: 'silent' }),
  storageDirectory: registryStorage(config.dataDir),
  region: config.region,
  hasRoom: async () => true,
  keepUnreferencedSeconds,
});

export function openTestUpstream(t: ExecutionContext, { config }: TestCloud): Upstream {
  const upstream = openUpstream(`unix:${registrySocket(config.dataDir)}`);
  t.teardown(() => upstream.close());
  return upstream;
}

/** Digests of everything that the registry server keeps. */
export async function storedContent({ config }: TestCloud): Promise<string[]> {
  const root = join(registryStorage(config.dataDir), 'docker/registry/v2/blobs/sha256');
  const names = await readdir(root, { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('/data')).map((name) => `sha256:${name.split('/')[1]}`);
}

/** Bytes of uploads that the registry server keeps. */
export async function uploadsOnDisk({ config }: TestCloud): Promise<string[]> {
  const root = join(registryStorage(config.dataDir), 'docker/registry/v2/repositories');
  const names = await readdir(root, { recursive: true }).catch(() => []);
  return names.filter((name) => /_uploads\/.*\/data$/.test(name));
}
