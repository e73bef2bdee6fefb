/** A real S3 server for tests: S3Proxy of Maven Central, over a directory of this machine, with signatures that count. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { Secret } from '../../../common/secret.ts';
import { freePort } from '../../../tests/bench/free-port.ts';
import { connect, type S3Settings } from './client.ts';

const run = promisify(execFile);
const version = '2.2.0'; // the last without the client of another cloud, which is most of the later ones

export interface S3Server {
  /** Of a bucket of its own. Parts are as small as S3 lets them be. */
  settingsOf(bucket: string): S3Settings;
  makeBucket(bucket: string): Promise<S3Settings>;
  /** As when it is unplugged; `start` brings it back with what it had. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes everything. */
  stop(): Promise<void>;
}

/** What of this machine is missing for it, in words; undefined when nothing is. */
export async function missingForS3Server(): Promise<string | undefined> {
  const java = await run('java', ['-version']).catch(() => undefined);
  const [, major] = /version "(\d+)/.exec(java?.stderr ?? '') ?? [];
  if (Number(major ?? 0) < 17) return 'Java 17 or later (Debian’s openjdk-17-jre-headless)';
  if (existsSync(home())) return undefined;
  const maven = await run('mvn', ['--version']).catch(() => undefined);
  return maven ? undefined : 'Maven (Debian’s maven), which brings S3Proxy';
}

function home(): string {
  const cache = process.env.CIRROSTACK_TEST_CACHE ?? join(tmpdir(), 'cirrostack-test-cache');
  return join(cache, `s3proxy-${version}`);
}

/** Clients of other clouds, which it could stand before, are left out: they are most of what it brings. */
const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cirrostack</groupId><artifactId>s3-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.gaul</groupId><artifactId>s3proxy</artifactId><version>${version}</version>
    <exclusions><exclusion><groupId>com.amazonaws</groupId><artifactId>*</artifactId></exclusion></exclusions>
  </dependency></dependencies>
</project>
`;

/** Without it, every byte of a request is worth a line. */
const logging = '<configuration><root level="OFF"/></configuration>';

/** Brings it once for all runs: 20 MB and half a minute. */
async function build(): Promise<void> {
  if (existsSync(home())) return;
  await mkdir(join(home(), '..'), { recursive: true });
  const draft = await mkdtemp(`${home()}-draft-`);
  try {
    await writeFile(join(draft, 'pom.xml'), project);
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies';
    const options = [
      '--quiet',
      '--batch-mode',
      goal,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(draft, 'lib')}`,
    ];
    await run('mvn', options, { cwd: draft });
    // Whole or not at all, also when two runs make it at once.
    await rename(draft, home()).catch((error) => {
      if (!existsSync(home())) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Starts a server; it has to be stopped. */
export async function startS3Server(): Promise<S3Server> {
  await build();
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-s3-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const [accessKeyId, secret] = ['tester', randomBytes(16).toString('hex')];
  const settings = {
    's3proxy.endpoint': url,
    's3proxy.authorization': 'aws-v4',
    's3proxy.identity': accessKeyId,
    's3proxy.credential': secret,
    's3proxy.ignore-unknown-headers': 'true',
    'jclouds.provider': 'filesystem',
    'jclouds.filesystem.basedir': directory,
    'jclouds.identity': 'nobody',
    'jclouds.credential': 'nothing',
  };
  const properties = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(directory, 's3proxy.conf'), properties.join(''));
  await writeFile(join(directory, 'logback.xml'), logging);
  let child: ChildProcess | undefined;
  const settingsOf = (bucket: string): S3Settings => ({
    ...{ endpoint: url, region: 'us-east-1', bucket, prefix: 'images/', accessKeyId, isPathStyle: true },
    ...{ secretAccessKey: new Secret(secret), caCertificates: null, partBytes: 5 * 2 ** 20 },
  });
  const server: S3Server = {
    settingsOf,
    async makeBucket(bucket) {
      const client = connect(settingsOf(bucket));
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      client.destroy();
      return settingsOf(bucket);
    },
    async start() {
      const quiet = `-Dlogback.configurationFile=${join(directory, 'logback.xml')}`;
      const classes = join(home(), 'lib', '*');
      const args = ['-XX:TieredStopAtLevel=1', '-Xmx192m', quiet, '-cp', classes, 'org.gaul.s3proxy.Main'];
      child = spawn('java', [...args, '--properties', join(directory, 's3proxy.conf')], {
        env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await untilItAnswers(child, url);
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start().catch(async (error) => {
    await server.stop();
    throw error;
  });
  return server;
}

async function untilItAnswers(child: ChildProcess, url: string): Promise<void> {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => said.push(String(data)));
  while (!(await fetch(url).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`S3Proxy ended:\n${said.join('').slice(-3000)}`);
    await delay(100);
  }
}
