/** A whole cloud inside the test: real PostgreSQL, simulated hosts, nothing listening and nothing moving unless asked to. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud, type Cloud, migrations } from '../cloud.ts';
import { buildConfig, type Config } from '../common/config/config.ts';
import { type Loop, startLoop } from '../common/reconcile/loop.ts';
import { Secret } from '../common/secret.ts';
import { SimulatedHost } from '../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../drivers.ts';
import { issueToken } from '../identity/tokens/operations.ts';
import { SimulatedNetworkEngine } from '../network/drivers/simulated/driver.ts';
import { SimulatedDoors } from '../network/metadata/simulated.ts';
import { createTestDatabase } from './database.ts';
import { fillIdentity, type Persona, personas } from './personas.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  body: any;
  text: string;
}

export interface Asked {
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as it is, instead of `body`. */
  payload?: string | Buffer;
}

/** One persona's client. Each verb asserts the status and gives the parsed body. */
export interface Client {
  projectId: string;
  userId: string;
  token(): Promise<string>;
  request(asked: Asked): Promise<Answer>;
  get(path: string, status?: number): Promise<Answer['body']>;
  delete(path: string, status?: number): Promise<Answer['body']>;
  post(path: string, body?: unknown, status?: number): Promise<Answer['body']>;
  put(path: string, body?: unknown, status?: number): Promise<Answer['body']>;
  patch(path: string, body?: unknown, status?: number): Promise<Answer['body']>;
}

export interface TestCloud extends Omit<Cloud, 'start' | 'stop'> {
  config: Config;
  /** What the simulated drivers reach: to look into, and to let fail. */
  engines: { host: SimulatedHost; network: SimulatedNetworkEngine; doors: SimulatedDoors };
  as(persona: Persona): Client;
  anonymous: Client;
  /** Runs every loop until nothing is left that could be settled now. */
  settle(): Promise<void>;
  /** One slow pass of every loop, and what it found. */
  sweep(): Promise<void>;
  /** Everything logged so far, a line each. */
  logLines: string[];
}

/** Starts a cloud that ends with the test. Call it in the test itself: ava refuses a teardown in hooks. */
export async function startTestCloud(
  t: ExecutionContext,
  overrides: Record<string, string | number | boolean> = {},
): Promise<TestCloud> {
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-test-'));
  const config = buildConfig({
    file: {
      dataDir,
      drivers: 'simulated',
      publicUrl: 'http://cloud.test',
      hostName: 'host-1',
      logLevel: 'debug',
      metadataCacheSeconds: 0,
      ...overrides,
    },
  });
  config.databaseUrl = new Secret(databaseUrl);
  // The cloud would make the same, and wait for the disk.
  await writeFile(join(dataDir, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
  const logLines: string[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => logLines.push(line) });
  const engines = {
    host: new SimulatedHost(),
    network: new SimulatedNetworkEngine(),
    doors: new SimulatedDoors(),
  };
  const cloud = await buildCloud(config, log, simulatedDrivers(engines.host, engines.network, engines.doors));
  await cloud.server.initialize();
  const stopAgents: (() => Promise<void>)[] = [];
  for (const module of cloud.modules) if (module.startAgent) stopAgents.push(await module.startAgent());
  const never = 2 ** 31 - 1; // a day-long timer would do: loops move when the test says so
  const loops: Loop[] = cloud.modules
    .flatMap((module) => [...module.controllers, ...module.agents])
    .map((reconciler) => startLoop(reconciler, { log, pollMs: never, sweepMs: never }));
  t.teardown(async () => {
    if (!t.passed) for (const line of logLines.filter((one) => one.includes('"level":50'))) t.log(line);
    for (const stop of stopAgents) await stop();
    await Promise.all(loops.map((loop) => loop.stop()));
    await cloud.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const ids = await personaIds(cloud);
  const clients = new Map<Persona, Client>();
  return {
    ...cloud,
    config,
    engines,
    logLines,
    as(persona) {
      const mine = ids.get(persona) as Ids;
      const known = clients.get(persona) ?? client(t, cloud, mine, () => logIn(cloud, persona, mine));
      clients.set(persona, known);
      return known;
    },
    anonymous: client(t, cloud, { userId: '', projectId: '' }, async () => ''),
    async settle() {
      for (let before = 'nothing looked at yet'; ; ) {
        for (const loop of loops) await loop.settle();
        const left = await stillPending(cloud);
        if (left === '' || left === before) return;
        before = left;
      }
    },
    async sweep() {
      for (const loop of loops) await loop.sweep();
    },
  };
}

/** The same client, asking by that microversion (`OpenStack-API-Version`); its failures name it. A POST answers 200 unless told. */
export function asking(
  client: Client,
  version: string,
  base = '',
): Pick<Client, 'get' | 'post' | 'put' | 'delete' | 'request'> {
  const headers = { 'openstack-api-version': version };
  const request: Client['request'] = (asked) =>
    client.request({ ...asked, path: `${base}${asked.path}`, headers: { ...headers, ...asked.headers } });
  const expecting =
    (method: string, usual: number) =>
    async (path: string, body?: unknown, status = usual) => {
      const answer = await request({ method, path, body });
      if (answer.status !== status)
        throw new Error(`${method} ${path} at ${version}: ${answer.status} instead of ${status}: ${answer.text}`);
      return answer.body;
    };
  return {
    request,
    get: (path, status = 200) => expecting('GET', 200)(path, undefined, status),
    delete: (path, status = 204) => expecting('DELETE', 204)(path, undefined, status),
    post: expecting('POST', 200),
    put: expecting('PUT', 200),
  };
}

async function stillPending({ modules }: Cloud): Promise<string> {
  const reconcilers = modules
    .flatMap((module) => [...module.controllers, ...module.agents])
    .filter(({ name }) => name !== 'compute-hosts'); // due every few seconds, of which a slow machine takes more
  const left = await Promise.all(reconcilers.map((reconciler) => reconciler.pending(1000)));
  return left.flat().join();
}

interface Ids {
  userId: string;
  projectId: string;
}

async function personaIds({ db }: Cloud): Promise<Map<Persona, Ids>> {
  const rows = await db('users')
    .leftJoin('projects', 'projects.id', 'users.default_project_id')
    .select('users.id as userId', 'users.name', 'projects.id as projectId');
  return new Map(rows.map((row) => [row.name as Persona, { userId: row.userId, projectId: row.projectId ?? '' }]));
}

/** As if the password had been right: what it costs to compare one is half of what a small test takes. */
async function logIn({ tokens }: Cloud, persona: Persona, { userId }: Ids): Promise<string> {
  const { project } = personas[persona];
  const { text } = await issueToken(tokens, {
    proofs: [{ method: 'password', userId }],
    scope: project === null ? { type: 'unscoped' } : { type: 'project', name: project, domain: { id: 'default' } },
  });
  return text;
}

function client(t: ExecutionContext, { server }: Cloud, ids: Ids, logInOnce: () => Promise<string>): Client {
  let token: Promise<string> | undefined;
  const request = async ({ method, path, body, headers = {}, payload }: Asked): Promise<Answer> => {
    token ??= logInOnce();
    const mine = await token;
    const sent = payload ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await server.inject({
      method,
      url: path,
      headers: {
        ...(mine !== '' && { 'x-auth-token': mine }),
        ...(sent !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent !== undefined && { payload: sent }),
    });
    const isJson = String(answer.headers['content-type']).includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers as Answer['headers'],
      body: isJson && answer.payload !== '' ? JSON.parse(answer.payload) : undefined,
      text: answer.payload,
    };
  };
  const expecting =
    (method: string, usual: number) =>
    async (path: string, body?: unknown, status = usual) => {
      const answer = await request({ method, path, body });
      t.is(answer.status, status, `${method} ${path}: ${answer.text}`);
      return answer.body;
    };
  return {
    ...ids,
    token: () => {
      token ??= logInOnce();
      return token;
    },
    request,
    get: (path, status = 200) => expecting('GET', 200)(path, undefined, status),
    delete: (path, status = 204) => expecting('DELETE', 204)(path, undefined, status),
    post: expecting('POST', 201),
    put: expecting('PUT', 200),
    patch: expecting('PATCH', 200),
  };
}
