/** A real Keycloak: the server distribution of Maven Central, in memory, on this machine alone. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../bench/free-port.ts';

const run = promisify(execFile);
const version = '25.0.6'; // the last that Java 17 runs
const megabytes = 512;

export interface Keycloak {
  stop(): Promise<void>;
  url: string;
  /** The issuer of a realm's tokens. */
  issuer(realm: string): string;
  /** Asks the administration API as its first administrator; throws what is answered when it is not a success. */
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of an API that is not ours
  admin(method: string, path: string, body?: unknown): Promise<any>;
  /** Logs somebody in with a password; gives the access token. */
  accessToken(
    realm: string,
    login: { client: string; secret?: string; user: string; password: string },
  ): Promise<string>;
}

/** What of this machine is missing for it, in words; undefined when nothing is. */
export async function missingForKeycloak(): Promise<string | undefined> {
  const java = await run('java', ['-version']).catch(() => undefined);
  const [, major] = /version "(\d+)/.exec(java?.stderr ?? '') ?? [];
  if (Number(major ?? 0) < 17) return 'Java 17 or later (Debian’s openjdk-17-jre-headless)';
  if (existsSync(home())) return undefined;
  const maven = await run('mvn', ['--version']).catch(() => undefined);
  return maven ? undefined : 'Maven (Debian’s maven), which brings Keycloak';
}

function home(): string {
  const cache = process.env.CIRROSTACK_TEST_CACHE ?? join(tmpdir(), 'cirrostack-test-cache');
  return join(cache, `keycloak-${version}`);
}

/** Brings and builds it once for all runs: half a minute, and then it starts in a few seconds. */
async function build(): Promise<void> {
  if (existsSync(home())) return;
  await mkdir(join(home(), '..'), { recursive: true });
  const draft = await mkdtemp(`${home()}-draft-`);
  try {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:unpack';
    const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`;
    const options = ['--quiet', '--batch-mode', goal, `-Dartifact=${artifact}`, `-DoutputDirectory=${draft}`];
    await run('mvn', options, { cwd: draft }); // where it also leaves marks of what it has unpacked
    const unpacked = join(draft, `keycloak-${version}`);
    await run(join(unpacked, 'bin', 'kc.sh'), ['build', '--db=dev-mem'], { env: environment() });
    // Whole or not at all, also when two runs make it at once.
    await rename(unpacked, home()).catch((error) => {
      if (!existsSync(home())) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Java's second compiler is for those who run for long: without it, starting takes half of the processor's time. */
function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    LC_ALL: 'C.UTF-8',
    JAVA_OPTS_KC_HEAP: `-Xms64m -Xmx${megabytes}m`,
    JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
  };
}

/** Starts a Keycloak; it has to be ended. */
export async function startKeycloak(): Promise<Keycloak> {
  await build();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const password = randomBytes(12).toString('hex');
  const child = spawn(
    join(home(), 'bin', 'kc.sh'),
    [
      'start',
      '--optimized',
      '--cache=local',
      '--http-enabled=true',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--http-management-port=${await freePort()}`,
      `--hostname=${url}`,
    ],
    {
      env: { ...environment(), KEYCLOAK_ADMIN: 'root', KEYCLOAK_ADMIN_PASSWORD: password },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => lines.push(String(data)));
  await untilItAnswers(child, url, lines).catch(async (error) => {
    await end(child);
    throw error;
  });
  const accessToken: Keycloak['accessToken'] = async (realm, { client, secret, user, password: theirs }) => {
    const { access_token } = await ask(`${url}/realms/${realm}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: client,
        ...(secret && { client_secret: secret }),
        username: user,
        password: theirs,
        scope: 'openid',
      }),
    });
    return access_token;
  };
  return {
    url,
    issuer: (realm) => `${url}/realms/${realm}`,
    accessToken,
    stop: () => end(child),
    async admin(method, path, body) {
      const token = await accessToken('master', { client: 'admin-cli', user: 'root', password }); // each lives a minute
      return ask(`${url}/admin${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the JSON of an API that is not ours
async function ask(url: string, request: RequestInit): Promise<any> {
  const answer = await fetch(url, request);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${request.method} ${url}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function untilItAnswers(child: ChildProcess, url: string, lines: string[]): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/realms/master`).catch(() => undefined);
    if (answer?.ok) return;
    if (child.exitCode !== null) throw new Error(`Keycloak ended:\n${lines.join('').slice(-3000)}`);
    await delay(200);
  }
}

/** kc.sh becomes the Java process, so its id is the one to end. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const patience = AbortSignal.timeout(10_000);
  patience.addEventListener('abort', () => child.kill('SIGKILL'));
  await ended;
}
