/** How fast Identity answers where many are known to it. */
import { join } from 'node:path';
import { execute } from '../../host/execute.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import type { Figure } from './figures.ts';
import { fillWithIdentities, password } from './identities.ts';
import type { Ask } from './load.ts';
import { inWords, load, type Measured, measure, rate, times } from './measure.ts';
import { type SimulatedCloud, startSimulatedCloud } from './simulated-cloud.ts';

/** What `fillWithIdentities` has made, and some of its users, logged in. */
interface IdentityCloud extends SimulatedCloud<string> {
  clients: Client[];
}

export async function startIdentityCloud(): Promise<IdentityCloud> {
  const cloud = await startSimulatedCloud(fillWithIdentities);
  try {
    const clients: Client[] = [];
    for (const n of numbers) clients.push(await logInAs(cloud.url, n));
    return { ...cloud, clients };
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}

export const identityBenchmarks: Record<string, (cloud: IdentityCloud) => Promise<Figure[]>> = {
  tokens: measureTokens,
  credentials: measureApplicationCredentials,
  passwords: measurePasswords,
  lists: measureLists,
};

const connections = 8;
/** So many different users ask, or are asked about: what is kept in memory for one of them does not answer for all. */
const different = 100;
const numbers = Array.from({ length: different }, (_, n) => n + 2);

const tokens = '/identity/v3/auth/tokens';
const json = { 'content-type': 'application/json' };

async function measureTokens(cloud: IdentityCloud): Promise<Figure[]> {
  const validated = await measure(cloud.cpuMs, { asks: validations(cloud), connections });
  const scopes = await measure(cloud.cpuMs, { asks: ownScopes(cloud), connections });
  return [
    { what: 'GET /auth/tokens (validation)', value: inWords(validated), target: 'at least 4,000/s' },
    { what: 'GET /auth/projects', value: inWords(scopes), target: 'at least 2,000/s' },
  ];
}

async function measureApplicationCredentials({ url, clients, cpuMs }: IdentityCloud): Promise<Figure[]> {
  const asks = await Promise.all(
    clients.map(async (client) => {
      const path = `/identity/v3/users/${client.userId}/application_credentials`;
      const { application_credential: made } = await client.post(path, { application_credential: { name: 'bench' } });
      const given = { id: made.id, secret: made.secret };
      return login(url, { methods: ['application_credential'], application_credential: given });
    }),
  );
  const measured = await measure(cpuMs, { asks, connections, status: 201 });
  return [{ what: 'Login with an application credential', value: inWords(measured), target: 'at least 1,000/s' }];
}

/** The bare hash before and after, as the machine may have other things to do. */
async function measurePasswords(cloud: IdentityCloud): Promise<Figure[]> {
  const logins = { asks: numbers.map((n) => passwordLogin(cloud.url, n)), connections, status: 201 };
  const before = await bareHash();
  const measured = await measure(cloud.cpuMs, logins);
  const after = await bareHash();
  const mean = (what: keyof BareHash) => (before[what] + after[what]) / 2;
  const share = (part: number, whole: number) => `${((part / whole) * 100).toFixed(0)} %`;
  const asks = validations(cloud);
  const [, some] = await Promise.all([load(logins), load({ asks, connections, atMostPerSecond: 200 })]);
  const [, many] = await Promise.all([load(logins), load({ asks, connections })]);
  return [
    { what: 'Login with a password', value: inWords(measured) },
    { what: 'The hash function alone', value: [before, after].map(hashInWords).join('; ') },
    {
      what: 'Logins for each hash',
      value: `${share(measured.perSecond, mean('perSecond'))}; by processor time ${share(mean('cpuMs'), measured.cpuMs)}`,
      target: 'at least 90 %',
    },
    { what: 'Validations meanwhile, 200/s', value: times(some), target: 'p99 under 25 ms' },
    { what: 'Validations meanwhile, as many as go', value: `${rate(many)}, ${times(many)}` },
  ];
}

async function measureLists(cloud: IdentityCloud): Promise<Figure[]> {
  const headers = { 'x-auth-token': cloud.token };
  const ask = (path: string): Ask => ({ url: `${cloud.url}/identity/v3${path}`, headers });
  const filtered = (filter: string) =>
    numbers.map((n) => ask(`/users?${filter}=${filter === 'name' ? 'user-' : ''}${n}&limit=100`));
  const figures: Figure[] = [];
  for (const [filter, target] of [
    ['name__contains', 'p99 under 30 ms'],
    ['name', ''],
  ] as const) {
    const measured = await measure(cloud.cpuMs, { asks: filtered(filter), connections });
    figures.push({ what: `GET /users?${filter}=…&limit=100`, value: inWords(measured), target });
  }
  const path = `/role_assignments?effective&user.id=${cloud.filled}`;
  for (const [what, query] of [
    ['200 projects through 100 groups', ''],
    ['with names', '&include_names'],
  ] as const) {
    const alone: Measured = await measure(cloud.cpuMs, { asks: [ask(`${path}${query}`)], connections: 1 });
    figures.push({ what: `GET /role_assignments?effective, ${what}`, value: inWords(alone), target: 'under 50 ms' });
  }
  return figures;
}

const logInAs = (url: string, n: number) =>
  logIn(url, { user: `user-${n}`, password, project: `project-${1 + (n % 10_000)}` });

/** As a service asks about its callers. */
function validations(cloud: IdentityCloud): Ask[] {
  const url = `${cloud.url}${tokens}`;
  return cloud.clients.map(({ token }) => ({
    url,
    headers: { 'x-auth-token': cloud.token, 'x-subject-token': token },
  }));
}

function ownScopes(cloud: IdentityCloud): Ask[] {
  const url = `${cloud.url}/identity/v3/auth/projects`;
  return cloud.clients.map(({ token }) => ({ url, headers: { 'x-auth-token': token } }));
}

function login(url: string, identity: object): Ask {
  return { method: 'POST', url: `${url}${tokens}`, headers: json, body: JSON.stringify({ auth: { identity } }) };
}

const passwordLogin = (url: string, n: number) =>
  login(url, {
    methods: ['password'],
    password: { user: { name: `user-${n}`, domain: { id: 'default' }, password } },
  });

interface BareHash {
  perSecond: number;
  cpuMs: number;
}

async function bareHash(): Promise<BareHash> {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2' }; // as the API process has them
  return JSON.parse(await execute(process.execPath, [join(import.meta.dirname, 'bare-hash.ts')], { env }));
}

const hashInWords = ({ perSecond, cpuMs }: BareHash) =>
  `${perSecond.toFixed(1)}/s, ${cpuMs.toFixed(2)} ms of processor each`;
