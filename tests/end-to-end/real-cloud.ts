/** A cloud on this host's real engines, in a process of its own that a test may kill, asked by the real `openstack` client. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { migrations } from '../../cloud.ts';
import { startForkingOpenstack } from '../clients/forking.ts';
import { createTestDatabase } from '../database.ts';
import { fillIdentity, type Persona, personas } from '../personas.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

export interface RealCloud {
  url: string;
  /** Below `CIRROSTACK_TEST_DATA_DIR`, which QEMU's user can pass through. */
  dataDir: string;
  databaseUrl: string;
  /** Runs `openstack` as a persona and parses what it prints; text where a command knows no `-f json`. */
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every command there is
  openstack(as: Persona, ...args: string[]): Promise<any>;
  openstackText(as: Persona, ...args: string[]): Promise<string>;
  /** What a shell needs in its environment so that its `openstack` starts quickly. */
  clientEnvironment(): Promise<Record<string, string>>;
  /** The API without a client between; bytes are sent as they are, everything else as JSON. */
  ask(as: Persona, method: string, path: string, body?: unknown): Promise<Answer>;
  /** SIGKILL: not a line of ours runs any more. */
  kill(): Promise<void>;
  /** Starts the process again, or for the first time, and waits until it answers. */
  start(): Promise<void>;
  log(): Promise<string>;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  body: any;
}

export interface RealCloudOptions {
  /** Settings beside those that every test cloud has. */
  config?: (dataDir: string) => Record<string, unknown>;
  /** Does something to the data directory before anything is in it. */
  prepare?: (dataDir: string) => Promise<void>;
}

/** Starts a cloud that ends, with its database and files, when the test does. Engines must be running: bin/test starts them. */
export async function startRealCloud(t: ExecutionContext, options: RealCloudOptions = {}): Promise<RealCloud> {
  const parent = process.env.CIRROSTACK_TEST_DATA_DIR;
  if (!parent) throw new Error('CIRROSTACK_TEST_DATA_DIR is not set: run bin/test --end-to-end.');
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(parent, 'cloud-'));
  await chmod(dataDir, 0o711);
  const listenPort = await freePort();
  const url = `http://127.0.0.1:${listenPort}`;
  const configPath = join(dataDir, 'config.json');
  const logPath = join(dataDir, 'cirrostack.log');
  await options.prepare?.(dataDir);
  const config = { dataDir, databaseUrl, listenPort, logLevel: 'info', ...options.config?.(dataDir) };
  await writeFile(configPath, JSON.stringify(config), { mode: 0o600 });
  // As bin/up starts it; compiled modules make a second start twice as fast.
  const env = { UV_THREADPOOL_SIZE: '16', NODE_COMPILE_CACHE: join(parent, 'node-cache'), ...process.env };

  let child: ChildProcess | undefined;
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    const exited = once(dying, 'exit');
    dying.kill(signal);
    await exited;
  };
  const start = async () => {
    const mine = spawn(process.execPath, [join(root, 'main.ts'), '--config', configPath], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
    child = mine;
    for (const output of [mine.stdout, mine.stderr])
      output?.pipe(createWriteStream(logPath, { flags: 'a' }), { end: false });
    const isUp = async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true;
    await until('our process answers', async () => {
      if (mine.exitCode !== null)
        throw new Error(`our process ended: ${(await readFile(logPath, 'utf8')).slice(-2000)}`);
      return await isUp();
    });
  };
  const log = () => readFile(logPath, 'utf8');
  const lastProblems = async () => {
    const lines = (await log()).split('\n').filter((line) => /"level":(40|50|60)/.test(line));
    return lines
      .slice(-8)
      .map((line) => line.slice(0, 600))
      .join('\n');
  };
  t.teardown(async () => {
    if (!t.passed) t.log(await lastProblems());
    await kill('SIGTERM');
    await rm(dataDir, { recursive: true, force: true });
  });
  await start();

  let client: Promise<Record<string, string>> | undefined;
  const clientEnvironment = () => {
    client ??= startForkingOpenstack(t);
    return client;
  };
  const openstackText = async (as: Persona, ...args: string[]) => {
    const { project, password } = personas[as];
    const env = {
      ...(await clientEnvironment()),
      HOME: dataDir,
      OS_AUTH_URL: `${url}/identity/v3`,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: as,
      OS_PASSWORD: password,
      OS_USER_DOMAIN_ID: 'default',
      ...(project && { OS_PROJECT_NAME: project, OS_PROJECT_DOMAIN_ID: 'default' }),
    };
    const { stdout } = await run('openstack', args, { env, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  };
  const tokens = new Map<Persona, string>();
  const ask = async (as: Persona, method: string, path: string, body?: unknown): Promise<Answer> => {
    const token = tokens.get(as) ?? (await logIn(url, as));
    tokens.set(as, token);
    const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': type, 'openstack-api-version': 'container 1.40' },
      ...(body !== undefined && { body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return {
    url,
    dataDir,
    databaseUrl,
    openstackText,
    clientEnvironment,
    openstack: async (as, ...args) => JSON.parse((await openstackText(as, ...args, '-f', 'json')) || 'null'),
    ask,
    kill,
    start,
    log,
  };
}

async function logIn(url: string, as: Persona): Promise<string> {
  const { project, password } = personas[as];
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: as, domain, password } } };
  const scope = project === null ? 'unscoped' : { project: { name: project, domain } };
  const answer = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope } }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`cannot log in as ${as}: ${await answer.text()}`);
  return token;
}

/** Waits for a condition; how long is a limit against hanging, not a promise of speed. */
export async function until(what: string, condition: () => Promise<boolean>, seconds = 300): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
