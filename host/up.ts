/** `bin/up`: from a bare host to a cloud with a first server and a first container. Every step may be repeated. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openDatabase } from '../common/database/database.ts';
import { Secret } from '../common/secret.ts';
import { detectVirtualisation } from '../compute/drivers/libvirt/virtualisation.ts';
import { buildDashboard } from '../dashboard/build.ts';
import { bootstrapIdentity } from '../identity/bootstrap.ts';
import { restartApiProcess, runningApiProcess, writeConfig } from './api-process.ts';
import { checkHost, portIsFree, virtualisationPath } from './checks.ts';
import { runCommand } from './command.ts';
import { type Credentials, keepCredentials, readCredentials, writeClientFiles } from './credentials.ts';
import { describe } from './doctor.ts';
import type { HostContext } from './engines/engine.ts';
import { engines } from './engines/engines.ts';
import { databaseUrl } from './engines/postgres.ts';
import { makeDataDir } from './files.ts';
import { buildGuestImage } from './guest-image/build.ts';
import {
  apiUrl,
  contextOf,
  defaultDataDir,
  type HostSettings,
  keepSettings,
  localUrl,
  parseCidr,
  parseListen,
  parseOptions,
  readSettings,
  UsageError,
} from './options.ts';
import { installPackages, missingPackages } from './packages.ts';
import { demoIsThere, seedCloud } from './seed/seed.ts';
import { type Steps, startSteps } from './steps.ts';
import { summary } from './summary.ts';

const help = `Usage: bin/up [OPTIONS]

Starts a cloud on this host: installs what is missing, starts PostgreSQL, libvirt, Docker, Open vSwitch and OVN (or uses
those that run), then Cirrostack itself. The first time it also makes flavors, images, an external network, and a project
"demo" with a network, a server and a container. Doing it again is safe, and takes seconds.

  --data-dir DIR        where everything of the cloud is kept (${defaultDataDir})
  --listen [HOST:]PORT  where the API listens (127.0.0.1:5000)
  --public-url URL      how clients reach the API, when that is not http://HOST:PORT
  --external-cidr CIDR  the network of floating IPs; this host is its first address (172.24.4.0/24)
  --no-demo             make no project "demo", server or container
  --no-install          install no Debian packages; fail when one is missing

The environment variable DATABASE_URL names a PostgreSQL to use instead of our own. What is said once is remembered in the
data directory. bin/down stops the cloud, and bin/down --purge removes it. bin/cirrostack doctor tells what is wrong.
`;

interface UpOptions {
  dataDir: string;
  settings: HostSettings;
  withDemo: boolean;
  mayInstall: boolean;
}

await runCommand(help, process.argv.slice(2), async (argv) => {
  const options = await readOptions(argv);
  await up(options);
  return 0;
});

async function up({ dataDir, settings, withDemo, mayInstall }: UpOptions): Promise<void> {
  const context = contextOf(dataDir, settings);
  const steps = startSteps();
  await steps.step('This host', () => assertHost(context, settings));
  await steps.step('Debian packages', () => ensurePackages(mayInstall));
  await makeDataDir(dataDir);
  await keepSettings(dataDir, settings);
  const credentials = await readCredentials(dataDir);
  // Unpacking a kernel takes seconds of one processor: meanwhile the engines start.
  const guestImage = credentials.seeded ? undefined : buildGuestImage(join(dataDir, 'cache'));
  guestImage?.catch(() => {}); // whoever awaits it tells
  const virtualisation = detectVirtualisation({ cacheFile: virtualisationPath(dataDir) });
  virtualisation.catch(() => {});
  const dashboard = buildDashboard();
  dashboard.catch(() => {});
  for (const engine of engines) await steps.step(engine.name, () => engine.start(context));
  await steps.step('Virtualisation', async () => {
    const { virtualisation: kind, reason } = await virtualisation;
    return kind === 'kvm' ? 'KVM' : `emulated, as ${reason}`;
  });
  await writeConfig(context, settings);
  await steps.step('Dashboard', async () => {
    await dashboard;
    return `${apiUrl(settings)}/dashboard/`;
  });
  await steps.step('Cirrostack', async () => {
    await restartApiProcess(context, settings);
    return localUrl(settings);
  });
  await ensureAdministrator(context, credentials, steps);
  await writeClientFiles(dataDir, apiUrl(settings), 'RegionOne', credentials);
  if (guestImage !== undefined) {
    await seedCloud(context, localUrl(settings), credentials, await guestImage, { steps, withDemo });
    credentials.seeded = true;
    await keepCredentials(dataDir, credentials);
  }
  const guests = await demoIsThere(localUrl(settings), credentials, steps);
  process.stdout.write(summary({ dataDir, url: apiUrl(settings), guests, seconds: steps.seconds() }));
}

async function readOptions(argv: string[]): Promise<UpOptions> {
  const options = parseOptions(argv, {
    'data-dir': { type: 'string', default: defaultDataDir },
    listen: { type: 'string' },
    'public-url': { type: 'string' },
    'external-cidr': { type: 'string' },
    'no-demo': { type: 'boolean', default: false },
    'no-install': { type: 'boolean', default: false },
  });
  const dataDir = resolve(options['data-dir']);
  const remembered = await readSettings(dataDir);
  const settings = {
    ...remembered,
    ...(options.listen === undefined ? {} : parseListen(options.listen)),
    ...(options['public-url'] === undefined ? {} : { publicUrl: options['public-url'] }),
    ...(options['external-cidr'] === undefined ? {} : { externalCidr: parseCidr(options['external-cidr']) }),
    databaseUrl: process.env.DATABASE_URL || remembered.databaseUrl,
  };
  const isSeeded = existsSync(dataDir) && (await readCredentials(dataDir)).seeded;
  if (isSeeded && settings.externalCidr !== remembered.externalCidr) {
    throw new UsageError(
      `This cloud's external network is ${remembered.externalCidr}. To have another, make a new cloud after bin/down --purge.`,
    );
  }
  return { dataDir, settings, withDemo: !options['no-demo'], mayInstall: !options['no-install'] };
}

async function assertHost(context: HostContext, settings: HostSettings): Promise<string> {
  const findings = await checkHost(context, settings);
  const failures = findings.filter(({ level }) => level === 'fail');
  if (failures.length > 0) throw new Error(`This host cannot run a cloud:\n${describe(failures)}`);
  if ((await runningApiProcess(context)) === undefined && !(await portIsFree(settings))) {
    const { listenHost, listenPort } = settings;
    throw new Error(`Another program has ${listenHost}:${listenPort}. End it, or choose another --listen HOST:PORT.`);
  }
  return findings
    .filter(({ name }) => ['system', 'processors', 'memory'].includes(name))
    .map(({ name, found }) => (name === 'processors' ? `${found} processors` : found))
    .join(', ');
}

async function ensurePackages(mayInstall: boolean): Promise<string> {
  const missing = await missingPackages();
  if (missing.length === 0) return 'all installed';
  if (!mayInstall) throw new Error(`Missing: apt-get install --no-install-recommends ${missing.join(' ')}`);
  await installPackages(missing);
  return `installed ${missing.join(' ')}`;
}

/** The first administrator, with a password made up here. */
async function ensureAdministrator(context: HostContext, credentials: Credentials, steps: Steps): Promise<void> {
  if (credentials.bootstrapped) return;
  await keepCredentials(context.dataDir, credentials); // first: a password that nobody knows any more would be no use
  await steps.step('Administrator', async () => {
    const db = openDatabase(context.databaseUrl ?? databaseUrl(context.dataDir), { max: 1 });
    try {
      await bootstrapIdentity(db, { adminPassword: new Secret(credentials.admin.password) });
    } finally {
      await db.destroy();
    }
  });
  credentials.bootstrapped = true;
  await keepCredentials(context.dataDir, credentials);
}
