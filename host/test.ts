/** `bin/test`: everything that can tell whether this works, the quick things first. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { runningApiProcess } from './api-process.ts';
import { runCommand } from './command.ts';
import { docker } from './engines/docker.ts';
import type { HostContext } from './engines/engine.ts';
import { engines } from './engines/engines.ts';
import { libvirt } from './engines/libvirt.ts';
import { administratorUrl, startTemporaryPostgres } from './engines/postgres.ts';
import { makeDataDir } from './files.ts';
import { listContainers, listServers, removeContainers, removeServers } from './guests.ts';
import { contextOf, defaultDataDir, parseOptionsAndNames, readSettings } from './options.ts';
import { installPackages, missingPackages } from './packages.ts';
import { removeDataDir } from './purge.ts';
import { startSteps } from './steps.ts';
import { type Counts, inWords, none, readTapLine, sum } from './tap.ts';

const help = `Usage: bin/test [--fast | --end-to-end] [FILE …]

Installs what the tests need and runs all of them: types and style, unit and API tests on a PostgreSQL of their own, then
the end-to-end tests (*.e2e.test.ts) on real engines, which it starts in a temporary directory where none run yet.
The last line says how many passed, failed and were skipped. The next part only runs when all before it passed.

  --fast        no end-to-end tests, and no engines
  --end-to-end  only those
  FILE …        only these test files (or patterns), with the engines that bin/test gives them
`;

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules', '.bin', 'node');
const steps = startSteps();
/** As shown, with what was said of them, to be found without scrolling: the end is what is kept of a long report. */
const failed: string[] = [];
const linesPerFailure = 40;
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort());

/** End-to-end tests that bring what they need themselves: a network namespace, a private OVN, a browser. */
const withoutEngines = [
  'compute/containers/*.e2e.test.ts',
  'host/guest-image/*.e2e.test.ts',
  'image/**/*.e2e.test.ts',
  'network/drivers/**/*.e2e.test.ts',
  'tests/browser/*.e2e.test.ts',
  'tests/clients/*.e2e.test.ts',
  'tests/conformance/*.e2e.test.ts',
  'tests/federation/*.e2e.test.ts',
];
/** Only by name: each takes as long as all others together. */
const byHand = ['tests/conformance/scenario.e2e.test.ts'];
const oneFileAtATime = ['--serial', '--concurrency=1', '--timeout=15m'];

await runCommand(help, process.argv.slice(2), async (argv) => {
  const known = { fast: { type: 'boolean' }, 'end-to-end': { type: 'boolean' } } as const;
  const { values: options, positionals: files } = parseOptionsAndNames(argv, known);
  const parts = { fast: !options['end-to-end'], endToEnd: !options.fast };
  if (parts.endToEnd) await refuseBesideCloud();
  let counts = none;
  try {
    await steps.step('Debian packages', async () => {
      const missing = await missingPackages({ forTests: true });
      if (missing.length > 0) await installPackages(missing);
    });
    if (files.length > 0) counts = await runFiles(files);
    else {
      if (parts.fast) {
        await part('Types and style', check);
        counts = await part('Unit and API tests', runFastTests);
      }
      if (parts.endToEnd && counts.failed === 0) counts = sum(counts, await part('End-to-end tests', runEndToEndTests));
    }
    if (interrupted.signal.aborted) throw new Error('Interrupted.');
  } catch (error) {
    process.stderr.write(`\n${(error as Error).message}\n`);
    counts = sum(counts, { ...none, failed: 1 });
  }
  if (failed.length > 0) process.stdout.write(`\nFailed:\n${failed.join('\n')}\n`);
  process.stdout.write(`\n${inWords(counts)}\n`);
  return counts.failed === 0 ? 0 : 1;
});

/** The tests stop, break and empty the engines of this host. */
async function refuseBesideCloud(): Promise<void> {
  const context = contextOf(defaultDataDir, await readSettings(defaultDataDir));
  if ((await runningApiProcess(context)) === undefined) return;
  throw new Error(
    'A cloud runs on this host, and the end-to-end tests would disturb it: bin/down first, or bin/test --fast.',
  );
}

/** In one go: files that need no engines gain nothing from them, and lose nothing. */
async function runFiles(files: string[]): Promise<Counts> {
  const cache = await testCache();
  return runOnEngines(cache, files);
}

/** Under its title, and at its end how long it took. */
async function part<T>(title: string, work: () => Promise<T>): Promise<T> {
  process.stdout.write(`\n${title}\n`);
  const began = performance.now();
  try {
    return await work();
  } finally {
    process.stdout.write(`     (${Math.round((performance.now() - began) / 1000)} s)\n`);
  }
}

async function check(): Promise<void> {
  const code = await run('npm', ['run', '--silent', 'check'], {});
  if (code !== 0) throw new Error('Types or style are not right.');
}

async function runFastTests(): Promise<Counts> {
  const postgres = await startTemporaryPostgres();
  try {
    const env = { CIRROSTACK_TEST_DATABASE_URL: postgres.url };
    return await runAva(['**/*.test.ts', '!**/*.e2e.test.ts'], env);
  } finally {
    await postgres.stop();
  }
}

/**
 * Two files at a time, on two processors: one that has this host's engines to itself, and stops and breaks them, and one
 * that needs none of them.
 */
async function runEndToEndTests(): Promise<Counts> {
  const cache = await testCache();
  const others = excluded([...withoutEngines, ...byHand]);
  const lanes = await Promise.allSettled([
    runOnEngines(cache, ['**/*.e2e.test.ts', ...others]),
    runWithoutEngines(cache),
  ]);
  const broken = lanes.find((lane) => lane.status === 'rejected');
  if (broken) throw broken.reason;
  return lanes.reduce((counts, lane) => (lane.status === 'fulfilled' ? sum(counts, lane.value) : counts), none);
}

function excluded(patterns: string[]): string[] {
  return patterns.map((pattern) => `!${pattern}`);
}

/** Kept from run to run: what is built in it is known by the hash of what it is built from. */
async function testCache(): Promise<string> {
  const cache = join(tmpdir(), 'cirrostack-test-cache');
  await mkdir(cache, { recursive: true });
  return cache;
}

async function runOnEngines(cache: string, files: string[]): Promise<Counts> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-e2e-'));
  await chmod(dataDir, 0o711);
  const context: HostContext = { ...contextOf(dataDir, await readSettings(dataDir)), databaseUrl: null };
  try {
    await makeDataDir(dataDir);
    for (const engine of engines) await steps.step(engine.name, () => engine.start(context));
    const before = await guestsOnHost();
    const env = {
      CIRROSTACK_TEST_DATA_DIR: dataDir,
      CIRROSTACK_TEST_CACHE: cache,
      CIRROSTACK_TEST_DATABASE_URL: administratorUrl(dataDir),
    };
    const counts = await runAva(files, env, oneFileAtATime);
    if (counts.failed > 0) await steps.step('Guests of what failed', () => removeGuests(context, before));
    return counts;
  } finally {
    for (const engine of engines.toReversed()) await steps.step(engine.name, () => engine.stop(context));
    await removeDataDir(dataDir);
  }
}

async function guestsOnHost(): Promise<{ servers: ReadonlySet<string>; containers: ReadonlySet<string> }> {
  const [servers, containers] = await Promise.all([listServers({ all: true }), listContainers({ all: true })]);
  return { servers: new Set(servers), containers: new Set(containers) };
}

/** What a test that failed has left would run for ever, as guests outlive their engines; which it may have left dead, too. */
async function removeGuests(context: HostContext, before: Awaited<ReturnType<typeof guestsOnHost>>): Promise<void> {
  for (const engine of [libvirt, docker]) await engine.start(context);
  await removeServers({ except: before.servers });
  await removeContainers({ except: before.containers });
}

async function runWithoutEngines(cache: string): Promise<Counts> {
  const postgres = await startTemporaryPostgres();
  try {
    const env = { CIRROSTACK_TEST_CACHE: cache, CIRROSTACK_TEST_DATABASE_URL: postgres.url };
    return await runAva([...withoutEngines, ...excluded(byHand)], env, oneFileAtATime);
  } finally {
    await postgres.stop();
  }
}

async function runAva(patterns: string[], env: NodeJS.ProcessEnv, options: string[] = []): Promise<Counts> {
  let counts = none;
  /** Of what is said about the failure before. */
  let linesLeft = 0;
  let before = performance.now();
  /** What one test took: the next begins where it ends. */
  const lap = () => {
    const seconds = Math.round((performance.now() - before) / 1000);
    before = performance.now();
    return options === oneFileAtATime && seconds > 0 ? `  (${seconds} s)` : '';
  };
  const reporter = ['--import', join(root, 'host', 'forgiving-tap.ts')];
  const args = [...reporter, join(root, 'node_modules', '.bin', 'ava'), '--tap', ...options, ...patterns];
  const code = await run(node, args, env, (line) => {
    const { counts: more, shown: told } = readTapLine(line);
    const shown = told && more !== none ? told + lap() : told;
    counts = sum(counts, more);
    if (more !== none) linesLeft = more.failed > 0 ? linesPerFailure : 0;
    if (linesLeft > 0 && shown !== undefined) {
      failed.push(shown);
      linesLeft -= 1;
    }
    if (shown !== undefined) process.stdout.write(`${shown}\n`);
  });
  // Something that no test stands for went wrong: a file that does not load, or not one test found.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** Runs a program to its end, or to ours; `onLine` gets what it prints, which is shown as it is otherwise. */
function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  onLine?: (line: string) => void,
): Promise<number> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', 'inherit'],
  });
  const stop = () => {
    child.kill('SIGINT');
    void delay(20_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  };
  interrupted.signal.addEventListener('abort', stop, { once: true });
  if (interrupted.signal.aborted) stop();
  const lines = child.stdout === null ? undefined : createInterface({ input: child.stdout });
  lines?.on('line', (line) => onLine?.(line));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
