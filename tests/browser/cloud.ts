/** A whole cloud that listens and moves by itself, as a browser needs it: real PostgreSQL, simulated hosts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud, migrations } from '../../cloud.ts';
import { buildConfig } from '../../common/config/config.ts';
import { Secret } from '../../common/secret.ts';
import type { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { buildDashboard } from '../../dashboard/build.ts';
import { openDrivers } from '../../drivers.ts';
import { createTestDatabase } from '../database.ts';
import { fillIdentity, type Persona, personas } from '../personas.ts';

export interface RunningCloud {
  url: string;
  logLines: string[];
  /** The host behind the simulated drivers, to make fail and to put words in its guests' mouths. */
  host: SimulatedHost;
  /** A request of a persona's to the API; throws what is answered when it is not a success. */
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  ask(persona: Persona, method: string, path: string, body?: unknown): Promise<any>;
  token(persona: Persona): Promise<string>;
}

/**
 * Starts a cloud that ends with the test, with a dashboard made from the sources as they are. A port is for clients that
 * follow the catalog; whoever does not is fine with any that is free.
 */
export async function startRunningCloud(t: ExecutionContext, { listenPort = 0 } = {}): Promise<RunningCloud> {
  await buildDashboard();
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-browser-'));
  const config = buildConfig({ file: { dataDir, drivers: 'simulated', listenPort, hostName: 'host-1' } });
  config.databaseUrl = new Secret(databaseUrl);
  const logLines: string[] = [];
  const log = pino({ level: 'info', base: null }, { write: (line: string) => logLines.push(line) });
  const drivers = await openDrivers(config, log);
  const cloud = await buildCloud(config, log, drivers);
  await cloud.start();
  t.teardown(async () => {
    await cloud.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const url = cloud.url();
  const tokens = new Map<Persona, Promise<string>>();
  const token = (persona: Persona) => {
    const known = tokens.get(persona) ?? logIn(url, persona);
    tokens.set(persona, known);
    return known;
  };
  return {
    url,
    logLines,
    // The driver keeps its host to itself, as a real one does; tests are what the simulated host is for.
    host: (drivers.servers as unknown as { host: SimulatedHost }).host,
    token,
    async ask(persona, method, path, body) {
      const isBytes = typeof body === 'string' || body instanceof Uint8Array;
      const answer = await fetch(url + path, {
        method,
        headers: {
          'x-auth-token': await token(persona),
          ...(body !== undefined && { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }),
        },
        ...(body !== undefined && { body: isBytes ? (body as string) : JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
  };
}

async function logIn(url: string, persona: Persona): Promise<string> {
  const { project, password } = personas[persona];
  const domain = { id: 'default' };
  const answer = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: persona, domain, password } } },
        scope: project === null ? 'unscoped' : { project: { name: project, domain } },
      },
    }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`cannot log in as ${persona}: ${await answer.text()}`);
  return token;
}
